//! A server that is no server: it sends garbage, garbage after a good beginning, or rows for ever.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use account_mirror::password::Password;
use account_mirror::username::Username;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use rotation::database::session::{Credentials, LoginRole, Server};
use rotation::deadline::Deadline;
use rotation::endpoint::Endpoint;
use rotation::error::Error;
use rotation::memory::{self, Memory};
use rotation::tls::TlsMode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{CANARY, cases, runner};
use crate::support::canary::assert_absent;

mod meaning;

/// What the server sends, packet by packet; one packet for each that it is sent, the first unasked.
type Packets = Vec<Vec<u8>>;

/// A greeting with the native plugin and without TLS.
fn greeting() -> Vec<u8> {
    greeting_with("mysql_native_password")
}

fn greeting_with(plugin: &str) -> Vec<u8> {
    let mut bytes = b"\x0a9.7.4\0\x01\0\0\0".to_vec();
    bytes.extend(b"12345678\0");
    // Protocol 4.1, transactions, secure connections, plugins.
    bytes.extend([0x01, 0xa2, 0xff, 0x02, 0x00, 0x08, 0x00, 21]);
    bytes.extend([0; 10]);
    bytes.extend(b"123456789012\0");
    bytes.extend(plugin.bytes());
    bytes.push(0);
    bytes
}

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const OK_AND_MORE: &[u8] = &[0, 0, 0, 10, 0, 0, 0];
const EOF: &[u8] = &[0xfe, 0, 0, 2, 0];
const EOF_AND_MORE: &[u8] = &[0xfe, 0, 0, 10, 0];

fn column(name: &str) -> Vec<u8> {
    let mut bytes = b"\x03def\0\0\0".to_vec();
    bytes.push(u8::try_from(name.len()).unwrap());
    bytes.extend(name.bytes());
    bytes.extend([0, 0x0c, 0xff, 0, 0, 1, 0, 0, 0xfd, 0, 0, 0, 0, 0]);
    bytes
}

fn framed(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let mut bytes = vec![length[0], length[1], length[2], sequence];
    bytes.extend(payload);
    bytes
}

/// The answers to what the function sends first after a login: the encoding, who the account is, the other
/// settings, what was kept of them, and no variables.
fn identity() -> Vec<u8> {
    identity_of("9.7.4")
}

fn identity_of(version: &str) -> Vec<u8> {
    let mut packets = vec![OK_AND_MORE.to_vec()];
    packets.extend(result(&[("version", version), ("account", "app@%")], true));
    packets.push(OK_AND_MORE.to_vec());
    let kept = [
        ("mode", "NO_BACKSLASH_ESCAPES"),
        ("autocommit", "1"),
        ("client", "utf8mb4"),
        ("results", "utf8mb4"),
        ("rows_shown", "18446744073709551615"),
        ("big_selects", "1"),
        ("most_text", "16777216"),
        ("clock", "1795990244401000"),
    ];
    packets.extend(result(&kept, true));
    packets.extend(result(&[("Variable_name", "read_only"), ("Value", "OFF")], false));
    let numbered = packets.iter().zip(1..);
    numbered.flat_map(|(packet, n)| framed(n, packet)).collect()
}

/// A result with one row.
fn result(row: &[(&str, &str)], more: bool) -> Vec<Vec<u8>> {
    let mut packets = vec![vec![u8::try_from(row.len()).unwrap()]];
    packets.extend(row.iter().map(|(name, _)| column(name)));
    packets.push(EOF.to_vec());
    let value = |value: &str| {
        let length = u8::try_from(value.len()).unwrap();
        [length].into_iter().chain(value.bytes()).collect::<Vec<_>>()
    };
    packets.push(row.iter().flat_map(|(_, text)| value(text)).collect());
    packets.push(if more { EOF_AND_MORE } else { EOF }.to_vec());
    packets
}

/// The next packet of the client; its end is an error.
async fn packet(client: &mut TcpStream) -> std::io::Result<()> {
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let mut body = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    client.read_exact(&mut body).await?;
    Ok(())
}

/// Logs in at a server that sends these packets, asks something, and tells how that ended.
async fn meet(packets: Packets, forever: Option<Vec<u8>>) -> (String, usize) {
    meet_within(None, packets, forever).await
}

/// The same with no more memory than this.
async fn meet_within(
    memory: Option<u64>,
    packets: Packets,
    forever: Option<Vec<u8>>,
) -> (String, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(AtomicUsize::new(0));
    let is_endless = forever.is_some();
    let counter = sent.clone();
    let hostile = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await?;
        for (n, bytes) in packets.iter().enumerate() {
            if n > 0 {
                packet(&mut client).await?;
            }
            client.write_all(bytes).await?;
        }
        if let Some(bytes) = forever {
            loop {
                client.write_all(&bytes).await?;
                counter.fetch_add(bytes.len(), Ordering::Relaxed);
            }
        }
        std::io::Result::Ok(())
    });
    let server = Server {
        endpoint: Endpoint { host: "127.0.0.1".to_owned(), port },
        tls: TlsMode::Plaintext,
        hidden_in: None,
    };
    let said = ask(&server, memory, is_endless).await;
    hostile.abort();
    (said, sent.load(Ordering::Relaxed))
}

async fn ask(server: &Server, memory: Option<u64>, forever: bool) -> String {
    let (user, password) = (Username::parse("app").unwrap(), Password::new(CANARY.to_owned()));
    let login = Credentials { role: LoginRole::Current, server, user: &user, password: &password };
    // A server that falls silent is not waited for; one that goes on for ever may need its time.
    let time = if forever { 60_000 } else { 500 };
    let memory = memory.map(Memory::of_function);
    let deadline = Deadline::after(Duration::from_millis(time)).within(memory);
    let mut session = match login.open_at(&[Ipv4Addr::LOCALHOST.into()], deadline).await {
        Ok(session) => session,
        Err(refusal) => {
            let error = Error::from(refusal);
            return format!("{error} {error:?}");
        }
    };
    match session.rows("SELECT 1").await {
        Ok(rows) => format!("{} rows", rows.len()),
        Err(failure) => failure.context("asking").to_string(),
    }
}

/// The driver takes memory for as many columns as a server announces. It panics if they are more than
/// there can be, and the process ends where so much memory is refused, which no test survives: so of
/// numbers of eight bytes, all are of the first kind.
fn limit_columns(packet: &mut [u8], start: usize) {
    if packet.get(start) == Some(&0xfe)
        && let Some(highest) = packet.get_mut(start + 8)
    {
        *highest |= 0x80;
    }
}

/// Packets that begin as a server's do, and go wrong somewhere.
fn packets() -> impl Strategy<Value = Packets> {
    let good = [
        framed(0, &greeting()),
        framed(2, OK),
        identity(),
        [
            framed(1, &[1]),
            framed(2, &column("x")),
            framed(3, EOF),
            framed(4, b"\x011"),
            framed(5, EOF),
        ]
        .concat(),
    ];
    let junk = vec(any::<u8>(), 0..200);
    (0..=good.len(), vec(junk, 1..4), any::<prop::sample::Index>(), any::<u8>(), any::<bool>())
        .prop_map(move |(keep, junk, at, byte, framing)| {
            let mut packets = good[..keep].to_vec();
            if let Some(last) = packets.last_mut() {
                // One byte of what was good is another one.
                let at = at.index(last.len());
                last[at] = byte;
            }
            let sequence = [0, 2, 1, 1, 1][keep];
            packets.extend(junk.into_iter().map(|mut junk| {
                limit_columns(&mut junk, if framing { 0 } else { 4 });
                if framing { framed(sequence, &junk) } else { junk }
            }));
            packets
        })
}

#[tokio::test]
async fn no_answer_of_a_server_makes_it_panic_or_say_the_password() {
    let mut runner = runner();
    let mut meetings = JoinSet::new();
    for _ in 0..cases(100) {
        let packets = packets().new_tree(&mut runner).unwrap().current();
        meetings.spawn(meet(packets, None));
        // Most of them fall silent, so that many at once take no longer than one.
        if meetings.len() == 20 {
            assert_nothing_is_said(&mut meetings).await;
        }
    }
    assert_nothing_is_said(&mut meetings).await;
}

async fn assert_nothing_is_said(meetings: &mut JoinSet<(String, usize)>) {
    while let Some(met) = meetings.join_next().await {
        assert_absent(&[CANARY], &met.unwrap().0, "what is said of a server");
    }
}

#[tokio::test]
async fn more_columns_than_there_can_be_are_an_invalid_response() {
    let columns = framed(1, &[0xfe, 1, 1, 1, 1, 1, 1, 1, 0x81]);
    let beginning = vec![framed(0, &greeting()), framed(2, OK)];
    for good in [vec![], vec![identity()]] {
        let said = meet([beginning.clone(), good, vec![columns.clone()]].concat(), None).await.0;
        assert!(said.contains("invalid response") || said.contains("not be decoded"), "{said}");
    }
}

#[tokio::test]
async fn the_imitated_beginning_is_a_good_one() {
    let rows = [
        framed(1, &[1]),
        framed(2, &column("x")),
        framed(3, EOF),
        framed(4, b"\x011"),
        framed(5, EOF),
    ];
    let packets = vec![framed(0, &greeting()), framed(2, OK), identity(), rows.concat()];
    assert_eq!(meet(packets, None).await.0, "1 rows");
}

#[tokio::test]
async fn endless_rows_do_not_fill_the_memory() {
    for size in [1, 200, 60_000] {
        let beginning = [framed(1, &[1]), framed(2, &column("x")), framed(3, EOF)].concat();
        let packets = vec![framed(0, &greeting()), framed(2, OK), identity(), beginning];
        let mut row = vec![0xfd];
        row.extend(&u32::try_from(size).unwrap().to_le_bytes()[..3]);
        row.extend(vec![b'x'; size]);
        // The sequence numbers of a hundred rows that follow any other hundred.
        let rows: Vec<u8> = (0..=255).flat_map(|n: u8| framed(n.wrapping_add(4), &row)).collect();
        let (said, sent) = meet(packets, Some(rows)).await;
        assert!(said.contains("of the response has more than"), "{size}: {said}");
        assert!(sent < 200 << 20, "{size}: {} MiB were taken", sent >> 20);
    }
}

#[tokio::test]
async fn endless_definitions_of_columns_do_not_fill_the_memory() {
    let size: u16 = 8000;
    let mut definition = b"\x03def\0\0\0\xfc".to_vec();
    definition.extend(size.to_le_bytes());
    definition.extend(vec![b'x'; size.into()]);
    definition.extend([0, 0x0c, 0xff, 0, 0, 1, 0, 0, 0xfd, 0, 0, 0, 0, 0]);
    // 524 MB of them are announced.
    let announced = framed(1, &[0xfc, 0xff, 0xff]);
    let packets = vec![framed(0, &greeting()), framed(2, OK), identity(), announced];
    let definitions: Vec<u8> =
        (0..=255).flat_map(|n: u8| framed(n.wrapping_add(2), &definition)).collect();
    // Other tests take memory as well.
    let memory = (memory::resident().unwrap() + (100 << 20)) / 7 * 8;
    let (said, sent) = meet_within(Some(memory), packets, Some(definitions)).await;
    assert!(said.contains("the step was ended"), "{said}");
    assert!(sent < 400 << 20, "{} MiB were taken", sent >> 20);
}
