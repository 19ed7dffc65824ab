//! A DAM's API in the words of the model: Mediagraph.
