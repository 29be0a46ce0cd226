//! What the GitLab adapter makes of each answer of the forge.
