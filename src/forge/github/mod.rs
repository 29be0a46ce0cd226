//! GitHub, of github.com and Enterprise Server, through octocrab.
