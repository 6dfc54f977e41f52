"""Bad input, thousands of times: what comes of it, what it touches, and how much memory it takes."""
