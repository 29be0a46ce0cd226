//! A server's own words, kept short and fit to be shown.

/// How much is kept, in bytes.
const LONGEST: usize = 2 << 10;
/// How much of a single error is shown, in bytes.
const SHOWN: usize = 500;

/// What a server says beside its answer.
#[derive(Debug, Default)]
pub struct Words(Vec<u8>);

impl Words {
    /// Keeps more of what is said, as far as there is room.
    pub fn keep(&mut self, more: &[u8]) {
        let room = LONGEST.saturating_sub(self.0.len());
        self.0.extend_from_slice(&more[..more.len().min(room)]);
    }

    /// A problem, and what was said beside it, in one line.
    pub fn after(&self, problem: &str) -> String {
        let spoken = String::from_utf8_lossy(&self.0);
        let spoken = spoken.lines().map(printable);
        let all = std::iter::once(shown(problem.as_bytes())).chain(spoken);
        all.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// One error of a server.
pub fn shown(error: &[u8]) -> String {
    printable(&String::from_utf8_lossy(&error[..error.len().min(SHOWN)]))
}

fn printable(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}
