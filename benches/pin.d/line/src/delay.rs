//! A proxy that stands for the distance to a server.
//!
//! Each direction takes half a round trip, and a new connection a whole one more, as TCP's
//! handshake does. Bandwidth is unlimited and there is no slow start: bytes cost nothing here.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How many pieces of at most `PIECE` bytes are on their way in one direction.
const PIECES: usize = 512;
const PIECE: usize = 1 << 16;
const STACK: usize = 1 << 17;

#[derive(Default)]
pub struct Proxy {
    connections: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
}

impl Proxy {
    pub fn counters(&self) -> String {
        let [connections, up, down] =
            [&self.connections, &self.up, &self.down].map(|counter| counter.load(Relaxed));
        format!(r#"{{"connections": {connections}, "up": {up}, "down": {down}}}"#)
    }
}

pub fn start(listener: TcpListener, port: u16, rtt_ms: f64) -> Arc<Proxy> {
    let proxy = Arc::new(Proxy::default());
    let rtt = Duration::from_secs_f64(rtt_ms / 1e3);
    let shared = Arc::clone(&proxy);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            shared.connections.fetch_add(1, Relaxed);
            let shared = Arc::clone(&shared);
            // A connection that cannot be made is closed, as the client sees it too.
            spawn(move || drop(join(client, port, rtt, &shared)));
        }
    });
    proxy
}

fn join(client: TcpStream, port: u16, rtt: Duration, proxy: &Arc<Proxy>) -> std::io::Result<()> {
    let open = Instant::now() + rtt;
    let server = TcpStream::connect(("127.0.0.1", port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_too, server_too) = (client.try_clone()?, server.try_clone()?);
    let shared = Arc::clone(proxy);
    spawn(move || pump(client_too, server_too, open, rtt / 2, &shared.up));
    let shared = Arc::clone(proxy);
    spawn(move || pump(server, client, open, rtt / 2, &shared.down));
    Ok(())
}

/// Carries one direction: what is read now, or as soon as the line is open, arrives `late`.
fn pump(from: TcpStream, to: TcpStream, open: Instant, late: Duration, counter: &AtomicU64) {
    let (sender, receiver) = sync_channel(PIECES);
    spawn(move || deliver(&to, &receiver));
    read(from, &sender, open, late, counter);
}

type Piece = (Instant, Vec<u8>);

fn read(
    mut from: TcpStream,
    sender: &SyncSender<Piece>,
    open: Instant,
    late: Duration,
    counter: &AtomicU64,
) {
    let mut buffer = vec![0; PIECE];
    loop {
        // A broken connection ends like any other.
        let length = from.read(&mut buffer).unwrap_or(0);
        counter.fetch_add(length as u64, Relaxed);
        let arrival = Instant::now().max(open) + late;
        // An empty piece is the end.
        if sender.send((arrival, buffer[..length].to_vec())).is_err() || length == 0 {
            return;
        }
    }
}

fn deliver(mut to: &TcpStream, pieces: &Receiver<Piece>) {
    for (arrival, piece) in pieces {
        thread::sleep(arrival.saturating_duration_since(Instant::now()));
        if piece.is_empty() {
            // Nothing to do about one that is closed already.
            drop(to.shutdown(Shutdown::Write));
            return;
        }
        if to.write_all(&piece).is_err() {
            drop(to.shutdown(Shutdown::Both));
            return;
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK).spawn(work).expect("start a thread");
}
