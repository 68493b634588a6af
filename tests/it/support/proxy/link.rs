//! One connection through a proxy.

use std::io::Result;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::apart::{self, Answer};
use super::{Fault, Framing, Request, Shared};
use crate::support::traffic::{Meter, Sender};
use crate::support::wire::{self, Message};

/// One proxied connection.
pub(super) struct Link {
    shared: Arc<Shared>,
    position: usize,
}

impl Link {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, position: 0 }
    }

    pub(super) async fn run(mut self, client: TcpStream) -> Result<()> {
        client.set_nodelay(true)?;
        let fault = match self.judge("Connect", String::new()) {
            Some(Fault::LoseAnswer) => Some(Fault::Cut),
            Some(Fault::HoldAnswer) => Some(Fault::Stall),
            fault => fault,
        };
        if !self.passes(fault).await {
            return Ok(());
        }
        let upstream = self.shared.upstream.lock().unwrap().clone();
        let server = TcpStream::connect(upstream).await?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let (from_client, from_server) = (BufReader::new(from_client), BufReader::new(from_server));
        match self.shared.framing {
            Framing::Http => self.http(from_client, to_client, from_server, to_server).await,
            Framing::Mysql => self.mysql(from_client, to_client, from_server, to_server).await,
        }
    }

    /// HTTP: one request, one answer.
    async fn http(
        mut self,
        mut from_client: BufReader<OwnedReadHalf>,
        mut to_client: OwnedWriteHalf,
        mut from_server: BufReader<OwnedReadHalf>,
        mut to_server: OwnedWriteHalf,
    ) -> Result<()> {
        loop {
            let message = wire::http_message(&mut from_client).await?;
            let arrived = Instant::now();
            let fault = self.judge(&message.operation, message.text);
            if let Some(Fault::Answer(status, error)) = fault {
                to_client.write_all(&wire::http_error(status, error)).await?;
                continue;
            }
            if !self.passes(fault).await {
                return Ok(());
            }
            to_server.write_all(&message.bytes).await?;
            let answer = wire::http_message(&mut from_server).await?;
            self.shared.state.lock().unwrap().spans.push((arrived, Instant::now()));
            match fault {
                Some(Fault::LoseAnswer) => return Ok(()),
                Some(Fault::HoldAnswer) => std::future::pending().await,
                _ => to_client.write_all(&answer.bytes).await?,
            }
        }
    }

    /// MySQL: the server speaks first, and answers with any number of packets, so both ways flow on
    /// their own.
    async fn mysql(
        mut self,
        mut from_client: BufReader<OwnedReadHalf>,
        mut to_client: OwnedWriteHalf,
        mut from_server: BufReader<OwnedReadHalf>,
        mut to_server: OwnedWriteHalf,
    ) -> Result<()> {
        let (silence, mut silenced) = tokio::sync::watch::channel(None);
        let (shared, meter) = (self.shared.clone(), Mutex::new(Meter::default()));
        let count = |bytes: &[u8], sender| {
            let mut state = shared.state.lock().unwrap();
            meter.lock().unwrap().count(bytes, sender, &mut state.traffic);
        };
        let answer = Mutex::new(Answer::default());
        let (done, mut is_done) = tokio::sync::mpsc::unbounded_channel();
        let answers = async {
            let mut buffer = [0; 16 * 1024];
            loop {
                let n = from_server.read(&mut buffer).await?;
                count(&buffer[..n], Sender::Server);
                let fault = *silenced.borrow_and_update();
                match fault {
                    // Only now is it sure that the request has been carried out.
                    Some(Fault::LoseAnswer) => return Ok(()),
                    Some(_) => std::future::pending().await,
                    None if n == 0 => return Ok(()),
                    None => {
                        let (bytes, ended) = answer.lock().unwrap().take(&buffer[..n]);
                        to_client.write_all(&bytes).await?;
                        // The other side listens as long as this one does.
                        ended.map(|is_error| done.send(is_error));
                    }
                }
            }
        };
        let requests = async {
            'plain: loop {
                let message = match wire::mysql_packet(&mut from_client).await {
                    Ok(message) => message,
                    // The client has gone without a farewell: the server must not hear of it.
                    Err(_) if silence.borrow().is_some() => std::future::pending().await,
                    Err(error) => return Err(error),
                };
                let parts =
                    if self.shared.is_together() { vec![message] } else { apart::parts(message) };
                let several = parts.len();
                for (number, Message { operation, text, mut bytes }) in
                    parts.into_iter().enumerate()
                {
                    let is_judged = several == 1 || !apart::is_guard(&text);
                    let fault = match is_judged.then(|| self.judge(&operation, text)).flatten() {
                        Some(Fault::Answer(..)) => Some(Fault::Stall),
                        fault => fault,
                    };
                    if matches!(fault, Some(Fault::LoseAnswer | Fault::HoldAnswer)) {
                        silence.send_replace(fault);
                    }
                    if let Some(Fault::Instead(other)) = fault {
                        bytes = apart::query(other.to_owned()).bytes;
                    }
                    if !self.passes(fault).await {
                        return Ok(());
                    }
                    count(&bytes, Sender::Client);
                    if several > 1 {
                        answer.lock().unwrap().begin(number == 0, number + 1 < several);
                    }
                    to_server.write_all(&bytes).await?;
                    if operation == "StartTls" {
                        meter.lock().unwrap().tls = true;
                        break 'plain;
                    }
                    if several > 1 && is_done.recv().await != Some(false) {
                        break;
                    }
                }
            }
            let mut buffer = [0; 16 * 1024];
            loop {
                let n = from_client.read(&mut buffer).await?;
                if n == 0 {
                    return Ok(());
                }
                count(&buffer[..n], Sender::Client);
                to_server.write_all(&buffer[..n]).await?;
            }
        };
        tokio::select! {
            end = answers => end,
            end = requests => end,
        }
    }

    /// Lets a request wait as the fault says. False if the connection ends before it.
    async fn passes(&self, fault: Option<Fault>) -> bool {
        match fault {
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::Wait) => self.shared.passing.notified().await,
            Some(Fault::Stall) => std::future::pending().await,
            Some(Fault::Cut) => return false,
            None
            | Some(Fault::Instead(_) | Fault::LoseAnswer | Fault::HoldAnswer | Fault::Answer(..)) =>
                {}
        }
        true
    }

    fn judge(&mut self, operation: &str, text: String) -> Option<Fault> {
        let mut state = self.shared.state.lock().unwrap();
        let request = Request { position: self.position, operation: operation.to_owned(), text };
        self.position += 1;
        state.seen.push(request.clone());
        let mut script = state.script.take()?;
        let fault = script(&request);
        state.script = Some(script);
        fault
    }
}
