//! Bodies of requests: collected into one buffer each, within their limits on size, time and memory.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use posthouse_aws::{Standing, TransportFault};

use super::room::{Bodies, Cut, NoRoom, Owner, Pace, Room, Watch};
use crate::configuration::Limits;

/// `Retry-After` of a request that found no room for its body.
const RETRY_AFTER_SECONDS: u32 = 1;

/// What limits a body.
pub(super) struct Intake<'a> {
    pub(super) limits: &'a Limits,
    pub(super) bodies: &'a Bodies,
    pub(super) owner: Owner<'a>,
}

/// A request's body, and its room in the memory of all bodies. Dropping the room frees it.
pub(super) struct Collected<'a> {
    pub(super) bytes: Bytes,
    pub(super) room: Room<'a>,
}

impl<'a> Intake<'a> {
    /// Collects a body.
    ///
    /// # Errors
    /// [`TransportFault`] if the body is too large, too slow, breaks off, or finds no room.
    pub(super) async fn collect(&self, body: Incoming) -> Result<Collected<'a>, TransportFault> {
        if body.is_end_stream() {
            return Ok(Collected { bytes: Bytes::new(), room: Room::new(self.bodies, self.owner) });
        }
        let size = self.size();
        if body.size_hint().lower() > size.limit_bytes {
            return Err(size.exceeded());
        }
        self.gather(body, size).await
    }

    fn size(&self) -> Size {
        let Self { limits, bodies, owner } = self;
        let limit_bytes = match owner.standing {
            Standing::Keyed => limits.body_bytes_max.get(),
            Standing::Unkeyed => {
                let unkeyed = limits.unsigned_body_bytes_max.get();
                unkeyed.min(limits.body_bytes_max.get()).min(bodies.unkeyed_bytes_max())
            }
        };
        Size { limit_bytes, standing: owner.standing }
    }

    async fn gather(&self, mut body: Incoming, size: Size) -> Result<Collected<'a>, TransportFault> {
        let announced_bytes = body.size_hint().exact().unwrap_or(0);
        let mut room = Room::new(self.bodies, self.owner);
        let mut buffer = Buffer::default();
        let mut is_first_wait = true;
        let mut watch = None;
        loop {
            let frame = match next_soon(&mut body, &mut is_first_wait).await {
                Some(frame) => frame,
                None => {
                    let watch = watch.get_or_insert_with(|| Watch::begin(&room, self.pace(), announced_bytes));
                    tokio::select! {
                        biased;
                        frame = body.frame() => frame,
                        cut = watch.cut() => return Err(fault_of(cut)),
                    }
                }
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|_| TransportFault::BadRequest("the body broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            let data_bytes = data.len() as u64;
            if buffer.len() as u64 + data_bytes > size.limit_bytes {
                return Err(size.exceeded());
            }
            room.grow(data_bytes).await.map_err(|NoRoom| OVERLOADED)?;
            if let Some(watch) = &mut watch {
                watch.arrived(data_bytes, &room);
            }
            buffer.push(data);
        }
        Ok(Collected { bytes: buffer.freeze(), room })
    }

    const fn pace(&self) -> Pace {
        Pace {
            bytes_per_second_min: self.limits.body_bytes_per_second_min.get(),
            grace: self.limits.body_grace_seconds.seconds(),
            whole: self.limits.body_seconds_max.seconds(),
        }
    }
}

/// How large a body may be.
#[derive(Clone, Copy)]
struct Size {
    limit_bytes: u64,
    standing: Standing,
}

impl Size {
    const fn exceeded(self) -> TransportFault {
        let limit_bytes = self.limit_bytes;
        match self.standing {
            Standing::Keyed => TransportFault::BodyTooLarge { limit_bytes },
            Standing::Unkeyed => TransportFault::UnsignedBodyTooLarge { limit_bytes },
        }
    }
}

/// The answer where there is no room.
pub(super) const OVERLOADED: TransportFault = TransportFault::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS };

const fn fault_of(cut: Cut) -> TransportFault {
    match cut {
        Cut::Slow => TransportFault::TimedOut,
        Cut::MakesRoom => OVERLOADED,
    }
}

/// The next frame if it is there, or will be when the task is polled next. `None` if it has to be waited for.
///
/// hyper reads a body only once it is asked for, and passes it on within the same turn of the connection's task. The
/// second look finds most bodies, so that they need no timer.
async fn next_soon(
    body: &mut Incoming,
    is_first_wait: &mut bool,
) -> Option<Option<Result<Frame<Bytes>, hyper::Error>>> {
    poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
        Poll::Ready(frame) => Poll::Ready(Some(frame)),
        Poll::Pending if core::mem::take(is_first_wait) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// The parts of a body. One part alone, as most bodies arrive, is passed on without a copy.
#[derive(Default)]
struct Buffer {
    first: Bytes,
    all: BytesMut,
}

impl Buffer {
    /// One of the two is empty.
    fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&core::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&data);
    }

    fn freeze(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}
