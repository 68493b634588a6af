//! What is said of answers that go wrong.

use super::{OK, framed, greeting, greeting_with, identity_of, meet};

/// An error of the server, as the answer to a login.
fn error(code: u16, message: &str) -> Vec<u8> {
    let mut bytes = vec![0xff];
    bytes.extend(code.to_le_bytes());
    bytes.extend(b"#HY000");
    bytes.extend(message.bytes());
    framed(2, &bytes)
}

#[tokio::test]
async fn each_error_of_a_login_has_its_meaning() {
    for (code, error_type, found) in [
        (1045, "CurrentLoginRefused", "Access denied"),
        (1040, "ServerBusy", "raise the limit"),
        (1129, "ServerBusy", "FLUSH HOSTS"),
        (3032, "ServerBusy", "offline mode"),
        (3159, "TlsFailed", "requires TLS"),
        (1053, "ConnectionLost", "shutting down"),
        (1184, "StatementRefused", "init_connect fails"),
        (1524, "PluginUnsupported", "load it there"),
        // Of MySQL Router, whose server is down, or which shares connections.
        (2003, "ServerUnreachable", "a proxy answers at this address"),
        (4501, "ServerError", "connection_sharing"),
        (6400, "ServerBusy", "offline mode"),
        // Of nothing that is known.
        (4999, "ServerError", "it says nothing of the password"),
        (1862, "AccountUnusable", "has expired"),
        (3118, "AccountUnusable", "is locked"),
    ] {
        let packets = vec![framed(0, &greeting()), error(code, "Access denied")];
        let (said, _) = meet(packets, None).await;
        assert!(said.contains(&format!(" {error_type}: ")), "{code}: {said}");
        assert!(said.contains(found), "{code}: {said}");
    }
}

#[tokio::test]
async fn a_server_whose_version_is_none_of_mysqls_or_mariadbs_is_unsupported() {
    let packets = vec![framed(0, &greeting()), framed(2, OK), identity_of("9-banana")];
    let (said, _) = meet(packets, None).await;
    assert!(said.contains(" ServerUnsupported: ") && said.contains("9-banana"), "{said}");
}

#[tokio::test]
async fn what_is_not_the_protocol_is_no_trouble_with_the_network() {
    let short = vec![framed(0, b"\x0a9.7")];
    let another = vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()];
    // The driver panics at a public key that is none.
    let key = vec![
        framed(0, &greeting_with("caching_sha2_password")),
        framed(2, &[1, 4]),
        framed(4, b"\x01-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----\n"),
    ];
    let column = [framed(1, &[1]), framed(2, &[3, 1])].concat();
    let answer = vec![framed(0, &greeting()), framed(2, OK), column];
    for packets in [short, another, key, answer] {
        let (said, _) = meet(packets, None).await;
        assert!(said.contains("ProtocolError: "), "{said}");
        assert!(!said.contains("network"), "{said}");
    }
}

#[tokio::test]
async fn a_long_message_of_a_server_is_cut_and_its_length_is_given() {
    let message = format!("denied\u{2028}{}", "x".repeat(1 << 20));
    let login = vec![framed(0, &greeting()), error(1045, &message)];
    let plugin = [b"\xfe".to_vec(), message.clone().into_bytes(), b"\0salt".to_vec()].concat();
    let plugin = vec![framed(0, &greeting()), framed(2, &plugin)];
    for packets in [login, plugin] {
        let (said, _) = meet(packets, None).await;
        assert!(said.len() < 4 << 10, "{} bytes", said.len());
        assert!(said.contains("denied\\u{2028}xxx"), "{said}");
        assert!(said.contains("more bytes left out"), "{said}");
        // MySQL makes a plugin up for an account that does not exist from here.
        assert!(said.contains("1045") || said.contains("address (127.0.0.1)"), "{said}");
    }
}
