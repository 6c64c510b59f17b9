"""Real pages in a real browser, at desktop and phone width, under axe."""
