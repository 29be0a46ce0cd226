//! Three small programs for `benches/pin`, in one.
//!
//! `serve ROOT BACKEND WORKERS` is an HTTP/1.1 server with keep-alive in front of `git
//! http-backend`; `delay PORT RTT_MS` is a proxy that stands for the distance to a server;
//! `measure OUT COMMAND…` runs one client and says what it cost.
//!
//! The first two print their port, answer each line on stdin with their counters as JSON, and end
//! with stdin, so that they never outlive whoever started them.

mod delay;
mod http;
mod measure;
mod serve;
mod usage;

use std::error::Error;
use std::io::{BufRead, Write};
use std::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", root, backend, workers] => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let port = listener.local_addr()?.port();
            let server = serve::start(listener, root, backend, workers.parse()?);
            talk(port, || server.counters())
        }
        ["delay", port, rtt] => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let own = listener.local_addr()?.port();
            let proxy = delay::start(listener, port.parse()?, rtt.parse()?);
            talk(own, || proxy.counters())
        }
        ["measure", out, "--gate", ref command @ ..] => measure::run(out, command, true),
        ["measure", out, ref command @ ..] => measure::run(out, command, false),
        _ => Err("see the comment on top of main.rs".into()),
    }
}

fn talk(port: u16, counters: impl Fn() -> String) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    writeln!(out, "{port}")?;
    for line in std::io::stdin().lock().lines() {
        line?;
        writeln!(out, "{}", counters())?;
        out.flush()?;
    }
    Ok(())
}
