"""What is kept between runs: the store of arrays, its place and limits, locks, and hashes of code and state."""
