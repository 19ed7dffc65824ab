//! A scripted HTTP server: every request is shown to a function that says what happens to it.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Req {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Req {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// An answer.
    Reply { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// The connection breaks; nobody answers.
    Break,
    /// Nobody answers and the connection stays.
    Stall,
    /// The head and half of the body of an answer, then the connection breaks.
    Cut { headers: Vec<(String, String)>, body: Vec<u8> },
    /// A body that does not end.
    Endless { headers: Vec<(String, String)> },
    /// A head that does not end.
    EndlessHead,
}

impl Act {
    pub fn json(text: impl Into<String>) -> Self {
        Self::status(200, text)
    }

    pub fn status(status: u16, text: impl Into<String>) -> Self {
        Self::Reply {
            status,
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: text.into().into_bytes(),
        }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Self::Reply { headers, .. } | Self::Cut { headers, .. } | Self::Endless { headers } = &mut self {
            headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
            headers.push((name.into(), value.into()));
        }
        self
    }
}

type Script = dyn Fn(&Req) -> Act + Send + Sync;

/// A running server; it ends with the test's runtime.
pub struct Server {
    pub base: String,
    seen: Arc<Mutex<Vec<Req>>>,
}

impl Server {
    pub async fn start(script: impl Fn(&Req) -> Act + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", script).await
    }

    /// Another loopback host is another origin even to those who forget the port.
    pub async fn start_at(host: &str, script: impl Fn(&Req) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let record = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&record)));
            }
        });
        Self { base, seen }
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Req> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, seen: Arc<Mutex<Vec<Req>>>) {
    let Some(req) = read(&mut stream).await else { return };
    seen.lock().unwrap().push(req.clone());
    let (status, headers, body, sent) = match script(&req) {
        Act::Break => return,
        Act::Stall => std::future::pending().await,
        Act::EndlessHead => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while stream.write_all(b"X-More: and more, and more, and more\r\n").await.is_ok() {}
            return;
        }
        Act::Reply { status, headers, body } => {
            let all = body.len();
            (status, headers, body, all)
        }
        Act::Cut { headers, body } => {
            let half = body.len() / 2;
            (200, headers, body, half)
        }
        Act::Endless { headers } => {
            let mut head = "HTTP/1.1 200 OK\r\nConnection: close\r\n".to_owned();
            for (name, value) in &headers {
                head += &format!("{name}: {value}\r\n");
            }
            let _ = stream.write_all(format!("{head}\r\n[").as_bytes()).await;
            while stream.write_all(b"1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,").await.is_ok() {}
            return;
        }
    };
    let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date")) {
        head += "Date: Tue, 06 Jan 2026 10:00:00 GMT\r\n";
    }
    for (name, value) in &headers {
        head += &format!("{name}: {value}\r\n");
    }
    let _ = stream.write_all(format!("{head}\r\n").as_bytes()).await;
    let _ = stream.write_all(&body[..sent]).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Req> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        let mut chunk = vec![0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut body = bytes.split_off(end + 4);
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    while body.len() < length.unwrap_or(0) {
        let mut chunk = vec![0; 65536];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => body.extend_from_slice(&chunk[..count]),
        }
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Req { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}
