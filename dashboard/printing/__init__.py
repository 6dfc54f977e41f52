"""One page of paper about a case: what it says, and how it is written as HTML and as PDF."""
