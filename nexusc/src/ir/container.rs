//! The container of a server that the compiler knows no more of than what the spec says.

/// What runs, and how it is asked whether it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its image with a tag.
    pub image: String,
    /// What its entry point is given.
    pub args: Vec<String>,
    /// The path that answers 200 once it serves.
    pub ready: String,
    /// The path that answers 200 while it lives.
    pub live: String,
    /// The user that it runs as in Kubernetes; `None` leaves it to the compiler.
    pub user: Option<u32>,
    /// The folder that is kept.
    pub data: Option<String>,
}
