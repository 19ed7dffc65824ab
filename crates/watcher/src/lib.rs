//! File system events become dirty paths.
