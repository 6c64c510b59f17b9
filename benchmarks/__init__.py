"""How fast the register is, as ratios against bare statements measured in the same run on PostgreSQL."""
