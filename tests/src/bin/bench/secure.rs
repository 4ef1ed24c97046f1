//! A load over TLS, with HTTP/1.1 or HTTP/2.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, RANGE};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tests::tls::PEM;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::Result;
use crate::asks::{Ask, Asks};
use crate::load::{Load, Measured, processor_time};

/// Applies a load over TLS.
///
/// # Errors
/// Any answer that is not a 200 or a 206 with a length.
pub(crate) fn run(load: &Load<'_>, version: Version, asks: &mut Asks<'_>) -> Result<Measured> {
    let connector = connector(version)?;
    let asks = RefCell::new(asks);
    let measured = RefCell::new(Measured::default());
    let started = Cell::new(0);
    let clients: Vec<_> = (0..load.connections)
        .map(|_| client(load.site.address(), &connector, version, &asks, &measured, &started))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut clients = pin!(try_join_all(clients));
        // A handshake takes longer than an answer, and there may be many at once.
        while started.get() < load.connections {
            during(load.run_up(), &mut clients).await?;
        }
        measured.take();
        let processor = processor_time(load.site);
        let began = Instant::now();
        during(load.duration, &mut clients).await?;
        measured.borrow_mut().elapsed = began.elapsed();
        measured.borrow_mut().processor = processor_time(load.site) - processor;
        Result::Ok(())
    })?;
    Ok(measured.take())
}

/// Lets clients work for some time. They never end but with an error.
async fn during(duration: Duration, clients: impl Future<Output = Result<Vec<()>>>) -> Result<()> {
    match timeout(duration, clients).await {
        Err(_) => Ok(()),
        Ok(ended) => ended.map(|_| ()),
    }
}

/// A client that trusts the servers' certificate.
fn connector(version: Version) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&*PEM)?)?;
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let protocol: &[u8] = if version == Version::HTTP_2 { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// One connection that asks again as soon as it has its answer. It counts among those that have
/// `started` once it has had one.
async fn client(
    address: &str,
    connector: &TlsConnector,
    version: Version,
    asks: &RefCell<&mut Asks<'_>>,
    measured: &RefCell<Measured>,
    started: &Cell<usize>,
) -> Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = connector.connect(ServerName::try_from("localhost")?, stream).await?;
    let mut sender = Sender::open(TokioIo::new(stream), version).await?;
    for answers in 0_u64.. {
        let ask = asks.borrow_mut().next();
        let request = request(&ask, address, version)?;
        let asked = Instant::now();
        let mut response = sender.send(request).await?;
        measured.borrow_mut().first_bytes.push(asked.elapsed());
        let len = length(&response).ok_or_else(|| format!("{ask:?}: {response:?}"))?;
        while let Some(frame) = response.frame().await {
            if let Some(data) = frame?.data_ref() {
                measured.borrow_mut().answers += data.len() as f64 / len as f64;
            }
        }
        asks.borrow_mut().answered(len);
        measured.borrow_mut().last_bytes.push(asked.elapsed());
        if answers == 0 {
            started.set(started.get() + 1);
        }
    }
    Ok(())
}

fn request(ask: &Ask, address: &str, version: Version) -> Result<Request<Empty<Bytes>>> {
    let request = Request::builder().method(ask.method).version(version);
    let request = if version == Version::HTTP_2 {
        request.uri(format!("https://{address}{}", ask.target))
    } else {
        request.uri(&ask.target).header(HOST, address)
    };
    let request = match &ask.range {
        Some(range) => request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1)),
        None => request,
    };
    Ok(request.body(Empty::new())?)
}

/// The length that an answer states.
fn length(response: &Response<Incoming>) -> Option<u64> {
    let is_film = matches!(response.status().as_u16(), 200 | 206);
    let length = response.headers().get("content-length").filter(|_| is_film)?;
    length.to_str().ok()?.parse().ok().filter(|&len| len > 0)
}

/// What requests are sent by.
enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

type Stream = TokioIo<tokio_rustls::client::TlsStream<TcpStream>>;

impl Sender {
    async fn open(stream: Stream, version: Version) -> Result<Self> {
        if version != Version::HTTP_2 {
            let (sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            return Ok(Self::Http1(sender));
        }
        // The windows of a browser.
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(6 << 20)
            .initial_connection_window_size(15 << 20)
            .handshake(stream)
            .await?;
        tokio::spawn(connection);
        Ok(Self::Http2(sender))
    }

    async fn send(&mut self, request: Request<Empty<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}
