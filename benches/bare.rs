//! The least that a program can do before it is given work: the runtime's request for it.

use std::io::{Read, Write};
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let runtime = std::env::var("AWS_LAMBDA_RUNTIME_API").map_err(std::io::Error::other)?;
    let mut connection = TcpStream::connect(&runtime)?;
    write!(
        connection,
        "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {runtime}\r\n\r\n"
    )?;
    connection.read_to_end(&mut Vec::new())?;
    Ok(())
}
