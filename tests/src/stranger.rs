//! Another host, to which a server may send us: it writes down what it is told, and answers the same to everybody.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// See the module. It listens until the test's process ends.
#[derive(Debug)]
pub struct Stranger {
    /// Where it is.
    pub url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Stranger {
    /// Starts one that answers 200 with these bytes.
    pub fn start(bytes: impl Into<Vec<u8>>) -> Self {
        // Another port is another origin.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::default());
        let (bytes, told) = (bytes.into(), Arc::clone(&heads));
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                // Whoever hangs up early is no business of ours.
                let _ = answer(connection, &bytes, &told);
            }
        });
        Self { url, heads }
    }

    /// The heads of the requests that came, in small letters.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// # Panics
    /// If any request carried something that says who we are.
    pub fn assert_told_no_secret(&self, secret: &str) {
        for head in self.heads() {
            let tells = ["authorization:", "organizationid:", "cookie:", &secret.to_lowercase()];
            assert!(tells.iter().all(|word| !head.contains(word)), "credentials went to another host: {head}");
        }
    }
}

fn answer(mut connection: TcpStream, bytes: &[u8], heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    heads.lock().unwrap().push(String::from_utf8_lossy(&head).to_lowercase());
    let length = bytes.len();
    connection
        .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").as_bytes())?;
    connection.write_all(bytes)
}
