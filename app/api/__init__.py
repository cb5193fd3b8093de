"""HTTP: what arrives is checked and read here, and what leaves is written here."""
