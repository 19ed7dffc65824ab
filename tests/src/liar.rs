//! A server in front of a sandbox, or beside it, that answers some requests with too much.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An answer: a head, and a piece of a body so often.
#[derive(Clone, Debug)]
pub struct Lie {
    /// Status line and headers, without the empty line at their end.
    pub head: String,
    /// What the body begins with.
    pub begin: Vec<u8>,
    /// What follows, again and again.
    pub piece: Vec<u8>,
    /// So often; `u64::MAX` = until nobody listens any more.
    pub times: u64,
}

/// See the module. It listens until the test's process ends.
#[derive(Debug)]
pub struct Liar {
    /// Where it is.
    pub url: String,
    sent: Arc<AtomicU64>,
    lies: Arc<AtomicU64>,
}

impl Liar {
    /// Starts one that lies where `lie` says so, by the first line of a request, and lets everything else through to
    /// the server at `behind`.
    pub fn start(behind: &str, lie: impl Fn(&str) -> Option<Lie> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let liar = Self { url, sent: Arc::default(), lies: Arc::default() };
        let (sent, lies) = (Arc::clone(&liar.sent), Arc::clone(&liar.lies));
        let behind = behind.trim_start_matches("http://").to_owned();
        let lie = Arc::new(lie);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (lie, behind) = (Arc::clone(&lie), behind.clone());
                let (sent, lies) = (Arc::clone(&sent), Arc::clone(&lies));
                std::thread::spawn(move || {
                    // Whoever hangs up early is what the tests are about.
                    let _ = serve(connection, &behind, &*lie, &sent, &lies);
                });
            }
        });
        liar
    }

    /// Bytes of bodies that somebody took, or that lie in a connection's buffers.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// How many requests were lied to.
    pub fn lies(&self) -> u64 {
        self.lies.load(Ordering::SeqCst)
    }
}

fn serve(
    mut connection: TcpStream,
    behind: &str,
    lie: &dyn Fn(&str) -> Option<Lie>,
    sent: &AtomicU64,
    lies: &AtomicU64,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let length = text.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    connection.read_exact(&mut body)?;
    let first = text.lines().next().unwrap_or_default();
    let Some(Lie { head, begin, piece, times }) = lie(first) else {
        let mut server = TcpStream::connect(behind)?;
        let asked = text.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        server.write_all(asked.as_bytes())?;
        server.write_all(&body)?;
        std::io::copy(&mut server, &mut connection)?;
        return Ok(());
    };
    lies.fetch_add(1, Ordering::SeqCst);
    connection.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())?;
    connection.write_all(&begin)?;
    for _ in 0..times {
        connection.write_all(&piece)?;
        sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
    }
    Ok(())
}
