//! Where a message begins and ends: HTTP with a length, and the packets of a MySQL client.

use std::io::{Error, Result};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// One message, as it is on the wire, and what it asks for.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) operation: String,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

/// The next request or answer. An end of the stream is an error.
pub(crate) async fn http_message(
    stream: &mut BufReader<impl AsyncRead + Unpin>,
) -> Result<Message> {
    let mut bytes = Vec::new();
    let mut length = 0;
    let mut operation = String::new();
    loop {
        let start = bytes.len();
        if stream.read_until(b'\n', &mut bytes).await? == 0 {
            return Err(Error::other("closed"));
        }
        let line = String::from_utf8_lossy(&bytes[start..]).into_owned();
        if line.trim_end().is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(Error::other)?,
            "transfer-encoding" => return Err(Error::other("a body without a length")),
            "x-amz-target" => {
                operation = value.trim().rsplit('.').next().unwrap_or("").to_owned();
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    bytes.extend_from_slice(&body);
    Ok(Message { operation, text: String::from_utf8_lossy(&body).into_owned(), bytes })
}

/// An answer with which Secrets Manager refuses a call.
pub(crate) fn http_error(status: u16, error: &str) -> Vec<u8> {
    let body = format!(r#"{{"__type":"{error}","message":"The proxy says {error}."}}"#);
    format!(
        "HTTP/1.1 {status} Error\r\nContent-Type: application/x-amz-json-1.1\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The client's next packet. An end of the stream is an error.
///
/// Every command begins with sequence number 0; what has another one belongs to the login.
pub(crate) async fn mysql_packet(
    stream: &mut BufReader<impl AsyncRead + Unpin>,
) -> Result<Message> {
    let mut bytes = vec![0; 4];
    stream.read_exact(&mut bytes).await?;
    let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) as usize;
    let sequence = bytes[3];
    bytes.resize(4 + length, 0);
    stream.read_exact(&mut bytes[4..]).await?;
    let payload = &bytes[4..];
    let (operation, text) = match (sequence, payload) {
        // A login without a name is the request to go on in TLS.
        (1.., [_, flags, ..]) if length == 32 && flags & CLIENT_SSL != 0 => ("StartTls", &[][..]),
        (1.., _) => ("Login", &[][..]),
        (0, [COM_QUERY, sql @ ..]) => ("Query", sql),
        (0, _) => ("Command", payload),
    };
    Ok(Message {
        operation: operation.to_owned(),
        text: String::from_utf8_lossy(text).into_owned(),
        bytes,
    })
}

/// In the second byte of the client's capability flags.
const CLIENT_SSL: u8 = 0x08;
const COM_QUERY: u8 = 3;
