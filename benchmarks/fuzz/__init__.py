"""Bad input, thousands of times: what comes of it, what it touches, what memory it takes."""
