//! The program: see `pinrail --help`, and the library's documentation for how it is built.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // A panic is a bug of ours and has its own exit code.
    let code = std::panic::catch_unwind(|| pinrail::cli::main(&arguments));
    ExitCode::from(code.unwrap_or(255))
}
