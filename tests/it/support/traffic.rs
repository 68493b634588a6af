//! What passes on proxied MySQL connections, counted without being understood: packets of the
//! protocol until TLS begins, and TLS records from there on.

/// What passed, on any number of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Packets and records that the client sent.
    pub(crate) sent: usize,
    /// Packets and records that the server sent.
    pub(crate) received: usize,
    /// How often the client spoke after the server had.
    pub(crate) round_trips: usize,
    pub(crate) full_handshakes: usize,
    /// Handshakes of TLS 1.3 that resume a session, so that no certificate is sent or verified.
    pub(crate) resumed_handshakes: usize,
    /// Handshakes that began with a key share that the server does not take.
    pub(crate) hello_retries: usize,
}

impl Traffic {
    pub(crate) fn packets(&self) -> usize {
        self.sent + self.received
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Server,
}

/// Counts what passes on one connection.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Whether what follows is TLS.
    pub(crate) tls: bool,
    answered: bool,
    from_client: Frames,
    from_server: Frames,
}

impl Meter {
    pub(crate) fn count(&mut self, bytes: &[u8], sender: Sender, traffic: &mut Traffic) {
        match sender {
            Sender::Client => {
                traffic.round_trips += usize::from(self.answered);
                self.answered = false;
                traffic.sent += self.from_client.complete(bytes, self.tls).len();
            }
            Sender::Server => {
                self.answered = true;
                for record in self.from_server.complete(bytes, self.tls) {
                    traffic.received += 1;
                    if self.tls {
                        count_hello(&record, traffic);
                    }
                }
            }
        }
    }
}

/// Counts the handshake that this record begins, if it is a `ServerHello`.
fn count_hello(record: &[u8], traffic: &mut Traffic) {
    let Some(hello) = ServerHello::parse(record) else {
        return;
    };
    if hello.random == HELLO_RETRY_REQUEST {
        traffic.hello_retries += 1;
    } else if hello.extensions.contains(&PRE_SHARED_KEY) {
        traffic.resumed_handshakes += 1;
    } else {
        traffic.full_handshakes += 1;
    }
}

/// RFC 8446, 4.1.3: the `random` of a `ServerHello` that asks for another key share.
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];
const PRE_SHARED_KEY: u16 = 41;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;

struct ServerHello {
    random: [u8; 32],
    extensions: Vec<u16>,
}

impl ServerHello {
    /// RFC 8446, 4.1.3. None if the record is another one.
    fn parse(record: &[u8]) -> Option<Self> {
        let [HANDSHAKE, _, _, _, _, SERVER_HELLO, _, _, _, _, _, rest @ ..] = record else {
            return None;
        };
        let (random, rest) = rest.split_first_chunk()?;
        let (session_id, rest) = rest.split_first()?;
        // After the session's id: the cipher suite, the compression, and the extensions' length.
        let mut rest = rest.get(usize::from(*session_id) + 3 + 2..).unwrap_or_default();
        let mut extensions = Vec::new();
        while let [a, b, c, d, after @ ..] = rest {
            extensions.push(u16::from_be_bytes([*a, *b]));
            rest = after.get(usize::from(u16::from_be_bytes([*c, *d]))..)?;
        }
        Some(Self { random: *random, extensions })
    }
}

/// The frames of one direction.
#[derive(Debug, Default)]
struct Frames(Vec<u8>);

impl Frames {
    /// The frames that these bytes complete, headers included.
    fn complete(&mut self, bytes: &[u8], tls: bool) -> Vec<Vec<u8>> {
        self.0.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(length) = length(&self.0, tls).filter(|length| *length <= self.0.len()) {
            frames.push(self.0.drain(..length).collect());
        }
        frames
    }
}

/// The length of the frame at the beginning, its header included.
fn length(bytes: &[u8], tls: bool) -> Option<usize> {
    match bytes {
        [_, _, _, a, b, ..] if tls => Some(5 + usize::from(u16::from_be_bytes([*a, *b]))),
        [a, b, c, _, ..] if !tls => Some(4 + u32::from_le_bytes([*a, *b, *c, 0]) as usize),
        _ => None,
    }
}
