//! How much a producer may have under way.

/// The most bytes and messages that a producer holds before the broker has confirmed them. It bounds the producer's
/// memory, and with it what a slow or absent broker can cost the program.
///
/// The broker has limits of its own for a producer; the smaller one counts. A message that is larger than the whole
/// window is sent when nothing else is under way.
///
/// ```
/// use posthouse_client::Window;
///
/// let window = Window::bytes(8 << 20).and_messages(10_000);
/// # assert_eq!(window, Window::messages(10_000).and_bytes(8 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    bytes: u32,
    messages: u32,
}

/// 8 MiB and 65,536 messages.
///
/// 8 MiB are some 25 ms of a disk that writes 300 MB a second: enough to keep it busy over one round trip, little
/// enough to have in each producer. The messages cost memory of their own, a few bytes each.
impl Default for Window {
    fn default() -> Self {
        Self { bytes: 8 << 20, messages: 65_536 }
    }
}

impl Window {
    /// At most `bytes` under way, and the default number of messages. At least 1, at most 1 GiB.
    #[must_use]
    pub fn bytes(bytes: usize) -> Self {
        Self::default().and_bytes(bytes)
    }

    /// At most `messages` under way, and the default number of bytes. At least 1, at most 1,048,576.
    #[must_use]
    pub fn messages(messages: usize) -> Self {
        Self::default().and_messages(messages)
    }

    /// This window with at most `bytes` under way. At least 1, at most 1 GiB.
    #[must_use]
    pub fn and_bytes(self, bytes: usize) -> Self {
        Self { bytes: clamped(bytes, 1 << 30), ..self }
    }

    /// This window with at most `messages` under way. At least 1, at most 1,048,576.
    #[must_use]
    pub fn and_messages(self, messages: usize) -> Self {
        Self { messages: clamped(messages, 1 << 20), ..self }
    }

    pub(crate) fn bytes_max(self) -> u32 {
        self.bytes
    }

    pub(crate) fn messages_max(self) -> u32 {
        self.messages
    }
}

fn clamped(value: usize, max: u32) -> u32 {
    u32::try_from(value).unwrap_or(max).clamp(1, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_never_empty_nor_larger_than_its_limits() {
        let smallest = Window::bytes(0).and_messages(0);
        assert_eq!((smallest.bytes_max(), smallest.messages_max()), (1, 1));
        let largest = Window::bytes(usize::MAX).and_messages(usize::MAX);
        assert_eq!((largest.bytes_max(), largest.messages_max()), (1 << 30, 1 << 20));
    }
}
