"""What an annual report is: pure values and functions, the standard library only."""
