//! The local side: walk, hash, place and trash, confined below the mirror's root.
