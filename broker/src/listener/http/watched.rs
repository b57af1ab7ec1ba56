//! The stream of one connection, between the socket and hyper. It notes what moves, for the deadlines in `progress`, and
//! holds back the end of a client's sending, as `half_close` says.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::half_close::HalfClose;
use super::progress::Progress;
use crate::listener::stream::Stream;

/// A stream that notes its progress. It ends for its reader when the client has closed its socket, or when the client
/// has ended its sending and no request is under way.
pub(super) struct Watched {
    stream: Stream,
    progress: Arc<Progress>,
    half_close: HalfClose,
}

impl Watched {
    pub(super) fn new(stream: Stream, progress: Arc<Progress>) -> Self {
        Self { stream, progress, half_close: HalfClose::default() }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.progress.is_reset() {
            // A stream that takes no options has been reset by its client.
            let _ = self.stream.socket().set_zero_linger();
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, progress, half_close } = self.get_mut();
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut *stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            progress.received();
        } else if result.is_ok() {
            ready!(half_close.poll(stream, progress, cx));
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress.written(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.progress.written(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
