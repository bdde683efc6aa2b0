"""Engine: runs networks that are stored as graphs, on one of several runtimes."""
