def measure(quick): return []
