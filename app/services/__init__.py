"""What needs the domain and the database together, and has more than one caller."""
