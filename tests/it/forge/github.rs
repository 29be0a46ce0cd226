//! What the GitHub adapter makes of each answer of the forge.
