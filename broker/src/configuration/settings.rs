//! Every setting, declared once: its key, type, default and meaning. The command line, the environment variables, the
//! configuration file, the help text and `docs/configuration.md` all follow from these tables.
//!
//! A setting `KEY` of section `SECTION` is `SECTION.KEY` in the file, `--SECTION-KEY` on the command line and
//! `POSTHOUSE_SECTION_KEY` in the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use posthouse_model::Region;

use super::ConfigurationError;
use super::hosts::{HostAddresses, HostNames, Networks};
use super::layers::Layers;
use super::push::{Denied, Destinations, EmailTls, GatewayUrl, HostName, OptionalPath, Sender, Text};
use super::secret::Secret;
use super::setting::Setting;
use super::value::{
    DiskDriver, Durability, Integer, LogFilter, LogFormat, OnDifference, OptionalAddress, OptionalUrl, Probes, Value,
};

macro_rules! sections {
    ($($(#[$section_doc:meta])* $field:ident: $struct:ident $section:literal {
        $($(#[doc = $meaning:literal])+ $key:ident: $type:ty = $default:literal,)*
    })*) => {
        $(
            $(#[$section_doc])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $struct {
                $($(#[doc = $meaning])+ pub $key: $type,)*
            }
        )*

        /// The value of every setting.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings {
            $($(#[$section_doc])* pub $field: $struct,)*
        }

        /// Every setting, in the order of the documentation.
        pub const SETTINGS: &[Setting] = &[$($(Setting {
            section: $section,
            key: stringify!($key),
            default: $default,
            meaning: concat!($($meaning,)+),
            kind: <$type as Value>::KIND,
            allowed: <$type as Value>::allowed,
        },)*)*];

        impl Settings {
            /// Reads every setting from its highest layer.
            pub(super) fn read(layers: &Layers<'_>) -> Result<Self, ConfigurationError> {
                let mut settings = SETTINGS.iter();
                let mut next = || settings.next().expect("the table and the fields come from one declaration");
                Ok(Self {
                    $($field: $struct { $($key: layers.value::<$type>(next())?,)* },)*
                })
            }
        }
    };
}

sections! {
    /// What stands at the top of the file.
    general: General "" {
        /// Where the AWS API listens.
        listen: SocketAddr = "127.0.0.1:9324",
        /// Where the admin listener (`/healthz`, `/readyz`, `/metrics`, `/damaged`, `/backup`, `/v1`) listens. Where there
        /// are users, all but the first three need one with a `role`. Only programs on this machine may ask for backups.
        admin_listen: SocketAddr = "127.0.0.1:9325",
        /// Lets listeners that authenticate no client (the AWS API without users, the admin listener) bind to other
        /// addresses than loopback ones. Without it such a start is refused.
        allow_anonymous_network: bool = "false",
        /// The host names that clients call a broker without users by, besides loopback names, addresses and the host of
        /// `public_url`. Empty: programs may use any name, and web pages none that the public domain name system may
        /// know. It also says by which names browsers may call the admin listener.
        allowed_hosts: HostNames = "",
        /// Refuses a configuration in which a user other than `root` has neither `policy` nor `groups`. Without it such
        /// a user may do everything in its account.
        require_user_policies: bool = "false",
        /// Proxies in front of the AWS API. Each of their connections must begin with a header of the PROXY protocol
        /// (version 1 or 2), whose client then counts for `aws:SourceIp`, the shares of addresses and the log. On
        /// connections from other addresses the header is not looked for.
        proxy_from: Networks = "",
        /// The directory of the log. Made if there is none; one broker at a time may use it.
        data_dir: PathBuf = "./posthouse-data",
        /// When a request is acknowledged: once it is on disk (`fsync`), or once it is in memory (`async`: a crash
        /// loses what was acknowledged shortly before).
        durability: Durability = "fsync",
        /// How the broker accesses the disk. The choice of `auto` is logged at start.
        disk: DiskDriver = "auto",
        /// The region of requests that are not signed and whose host names none (`sqs.REGION.…`), and of declared queues that name none.
        region: Region = "us-east-1",
        /// What queue URLs begin with. Empty: they follow the `Host` header of each request.
        public_url: OptionalUrl = "",
        /// What the `SigningCertURL` of a notification begins with, and whose host the certificate is made out to, such
        /// as https://sns.us-east-1.amazonaws.com. Empty: what the other URLs in it begin with.
        certificate_url: OptionalUrl = "",
        /// Threads that serve connections. 0: one for each core but one, which is left to the core loop, and 16 at most.
        worker_threads: Integer<0, 1024> = "0",
        /// What happens to a declared queue that exists and differs in an attribute: `refuse` the start or the reload, so that
        /// nothing changes under its consumers, or `apply` the declared attributes. Attributes that are not declared stay.
        on_difference: OnDifference = "refuse",
        /// Which events are logged, on standard error.
        log: LogFilter = "info",
        /// How a log line looks.
        log_format: LogFormat = "text",
        /// How long requests that are under way may take to finish at shutdown, in seconds.
        shutdown_seconds_max: Integer<0, 600> = "10",
        /// How long the broker goes on serving after SIGTERM, in seconds, while `/readyz` is 503 already. Load balancers have
        /// that time to see it before new connections are refused. Set it above the interval of their probes.
        drain_seconds: Integer<0, 3_600> = "0",
    }

    /// `[admin]`: the admin listener.
    admin: AdminListener "admin" {
        /// Who may call `/healthz`, `/readyz` and `/metrics`: every client (`open`), or only requests that are signed for the
        /// admin API by a user with a `role` (`viewer`). Without users they are open.
        probes: Probes = "open",
    }

    /// `[storage]`: the log's files and its memory.
    storage: Storage "storage" {
        /// The length of one log file, in bytes. It applies to files that are made from now on.
        segment_bytes: Integer<8_388_608, 4_294_967_296> = "67108864",
        /// How much of the log's end is kept in memory, in bytes. Receives from there do not read the disk.
        tail_bytes: Integer<1_048_576, 1_099_511_627_776> = "16777216",
        /// Bytes of memory for what receives read from the disk: blocks that were read ahead, or that several queues need.
        /// Answers that clients have not read yet may hold as many besides. 64 MiB let some thirty queues be read from the
        /// disk at once in blocks of 1 MiB; of more queues the blocks are shorter.
        read_cache_bytes_max: Integer<4_194_304, 1_099_511_627_776> = "67108864",
        /// Bytes that may wait to become durable. At the limit no request is handled until the disk has caught up.
        unsynced_bytes_max: Integer<8_388_608, 17_179_869_184> = "67108864",
        /// For how long these bytes may keep the disk busy, in milliseconds, by the rate of the latest commits. On a slow
        /// disk fewer may wait, but 8 MiB always may. 0: only `storage.unsynced_bytes_max` counts.
        unsynced_milliseconds_max: Integer<0, 60_000> = "100",
        /// How much memory the lists of waiting messages may take in all queues together, in bytes, besides two pages of 12
        /// KiB at most for each queue. A waiting message takes 24, and a group of a FIFO queue some 60 besides. Beyond, the
        /// middle of the longest lists lies in the log and is read back as it is needed. A quarter at most is for the table of
        /// records that compaction has moved, 16 bytes each. What is not counted: the messages of
        /// fair queues, and those that were delayed, received, dead-lettered or moved. The default keeps eleven million
        /// messages in memory.
        index_bytes_max: Integer<4096, 1_099_511_627_776> = "268435456",
        /// The first messages of a FIFO queue, among which receives look for a group that is available. Those behind them wait,
        /// and need no memory for their groups. A group among the first takes some 300 bytes. While the groups of all FIFO
        /// queues take more than half of `storage.index_bytes_max`, receives look at fewer messages, at 1,024 at least. The
        /// default is the number of SQS.
        fifo_window_messages: Integer<10, 100_000_000> = "120000",
        /// Bytes of log after which the next checkpoint begins. A restart replays no more than these and one
        /// checkpoint.
        checkpoint_bytes: Integer<1_048_576, 1_099_511_627_776> = "268435456",
        /// Bytes a second at which the records that are left in mostly empty log files are moved to the end of the log, so that
        /// the files can be used again. A record is moved between requests, while the disk has nothing else to do or after
        /// 20 milliseconds. The default is a tenth of what a slow SSD writes. 0: a log file stays as long as one message in
        /// it does.
        compaction_bytes_per_second: Integer<0, 17_179_869_184> = "16777216",
        /// How many bytes the log files may take beyond twice those of all messages. A quarter is for messages that were
        /// deleted, the rest for what a restart replays and for files that are prepared. Checkpoints become more frequent
        /// where the default of `storage.checkpoint_bytes` or of `storage.segment_bytes` leaves no room for that.
        compaction_slack_bytes: Integer<16_777_216, 1_099_511_627_776> = "536870912",
        /// Ends the broker with the exit status 74 once its log has failed, so that a supervisor restarts it. Without it
        /// the broker stays, and refuses every request with the reason. Set it where the broker is not started while the file
        /// system of `data_dir` is not mounted: in an empty directory, a start makes a new log.
        exit_on_failure: bool = "false",
        /// Bytes a second at which closed log files are read to find damage before a consumer does. 4 MiB is a few
        /// percent of a hard disk's throughput and reads 1 TB in three days. A read waits while the disk has anything
        /// else to do, for up to a second. 0: damage is found when a damaged message is received.
        scrub_bytes_per_second: Integer<0, 17_179_869_184> = "4194304",
        /// How long after all closed log files were read the next reading begins, in seconds. The default is a week, the
        /// interval that RAID and file system scrubbers use.
        scrub_interval_seconds: Integer<1, 31_536_000> = "604800",
    }

    /// `[storage.encryption]`: encryption of the data directory.
    encryption: StorageEncryption "storage.encryption" {
        /// A file of keys that the data directory is encrypted with: one key a line, as base64 of 32 random bytes. The first
        /// one is for new data, the others are for data that was written with them. It must not lie in the data
        /// directory. Empty: new data is not encrypted.
        key_file: OptionalPath = "",
    }

    /// `[limits]`: what a client may take.
    limits: Limits "limits" {
        /// Connections to the AWS API at once. For one more the connection that has been idle the longest is closed, one
        /// without a signed request first. If none is idle, the new one is answered 503 and closed.
        connections_max: Integer<1, 1_000_000> = "10000",
        /// Bytes of a request's line and headers together. More is answered 431.
        header_bytes_max: Integer<8_192, 1_048_576> = "65536",
        /// How long a client may take to send a request's line and headers, in seconds. Then it is disconnected.
        header_seconds_max: Integer<1, 3_600> = "10",
        /// Bytes of a request's body. A message of 1 MiB is up to 6 MiB of JSON when every character is escaped.
        body_bytes_max: Integer<1_024, 1_073_741_824> = "8388608",
        /// How long a client may take to send a request's body, in seconds. Then it is answered 408.
        body_seconds_max: Integer<1, 3_600> = "30",
        /// How late a body may be, in seconds. Each byte of it allows the time that it takes at
        /// `body_bytes_per_second_min`, or at the rate that a large body needs within `body_seconds_max`. A body that is later is
        /// answered 408; one that is half a second late makes room where the memory of bodies is full.
        body_grace_seconds: Integer<1, 3_600> = "5",
        /// The lowest rate of a body, in bytes a second.
        body_bytes_per_second_min: Integer<1, 1_073_741_824> = "4096",
        /// Bytes of a body whose head shows no access key of a user with a date near the broker's. The default has room
        /// for an anonymous message of 1 MiB in a form whose every character is escaped.
        unsigned_body_bytes_max: Integer<1_024, 1_073_741_824> = "4194304",
        /// How much such requests may take together, in percent of `bodies_bytes_max`, `streams_bytes_max` and, while they are
        /// under way, `connections_max`. The rest is kept for requests that show a key. Without users every request counts as one.
        unsigned_percent_max: Integer<1, 100> = "25",
        /// How much one address may take, in percent of what the others leave of `bodies_bytes_max` and of
        /// `connections_max`. An IPv6 address counts by its first 64 bits. 100: all.
        address_percent_max: Integer<1, 100> = "80",
        /// Networks whose addresses stand for many clients, such as proxies: `address_percent_max` does not apply to them.
        shared_addresses: Networks = "127.0.0.0/8, ::1/128",
        /// Bytes of all requests' bodies that are in memory at once. A request beyond is answered 503, with
        /// `Retry-After`.
        bodies_bytes_max: Integer<1_048_576, 1_099_511_627_776> = "268435456",
        /// How long a client may stop reading an answer, in seconds. Then it is disconnected. It is also the time over
        /// which `write_bytes_per_second_min` is measured.
        write_seconds_max: Integer<1, 3_600> = "30",
        /// Bytes of answers that a client must read in each second, on average over `write_seconds_max`, while it has
        /// answers left to read. A slower one is disconnected. An answer of ten messages of 1 MiB takes 160 seconds at
        /// this rate. 0: one byte in that time is enough.
        write_bytes_per_second_min: Integer<0, 1_073_741_824> = "65536",
        /// Bytes of memory that all answers hold which clients have not read yet. A receive takes only messages that
        /// there is room for. 256 MiB are some 20 answers of ten messages of 1 MiB. Each connection has 16 KiB besides,
        /// for small answers. One eighth is for other answers than messages.
        answers_bytes_max: Integer<16_777_216, 1_099_511_627_776> = "268435456",
        /// Bytes of `answers_bytes_max` that the answers of one connection hold at once, one eighth of it at most. 32 MiB
        /// are three answers of ten messages of 1 MiB, on a connection of HTTP/2.
        connection_answers_bytes_max: Integer<2_097_152, 2_147_483_648> = "33554432",
        /// How long a request waits for room for its answer, in seconds; a long poll at least its own time. Then it is
        /// answered 503.
        answer_room_seconds_max: Integer<0, 600> = "10",
        /// Handshakes of TLS under way at once, on all listeners over TCP. For one more the oldest is ended. A handshake takes a
        /// few round trips and up to 64 KiB, and must end within `header_seconds_max`.
        handshakes_max: Integer<1, 65_536> = "512",
        /// How long a connection may stay open without a request, in seconds.
        idle_seconds_max: Integer<1, 86_400> = "75",
        /// Requests of one HTTP/2 connection at once.
        streams_max: Integer<1, 10_000> = "256",
        /// Bytes of memory of all requests over HTTP/2 that are under way, without their bodies: 8 KiB each, and their
        /// heads. One more is answered 503, with `Retry-After`. 256 MiB are some 25,000 requests.
        streams_bytes_max: Integer<1_048_576, 1_099_511_627_776> = "268435456",
        /// Requests that wait for the core loop at once, in each of two lanes: those that bring 64 KiB of messages or more, and
        /// all others. One more is answered 503.
        inbox_length: Integer<16, 1_048_576> = "8192",
        /// Bytes of the signatures of notifications that are remembered: 600 for each publication. A publication whose
        /// signature is remembered is not signed again, however many queues and endpoints receive it.
        signatures_bytes_max: Integer<0, 1_099_511_627_776> = "67108864",
        /// Bytes of memory that the filter policies of one topic take: of each its text, its values once more, and some
        /// hundred for each name and value. One more is refused with `FilterPolicyLimitExceeded`. 256 MiB are some
        /// 150,000 policies of one short value, or 500 of 256 KiB.
        topic_filter_bytes_max: Integer<1_048_576, 1_099_511_627_776> = "268435456",
        /// Bytes of memory that the filter policies take of all subscriptions that an account owns.
        account_filter_bytes_max: Integer<1_048_576, 1_099_511_627_776> = "536870912",
        /// Bytes that are remembered of the producers of the native protocol: 512 of each that sends to a standard queue or
        /// topic, up to 100 KiB of one whose messages are FIFO or are refused. For more, those that were silent longest are
        /// forgotten before their five minutes are over: what they send again fails, and nothing is stored twice.
        producers_bytes_max: Integer<1_048_576, 1_099_511_627_776> = "67108864",
        /// Queues, and likewise topics, that `/metrics` lists by name. A queue is some 900 bytes of text. The sums over
        /// all queues and topics hold those that are not listed too.
        metrics_queues_max: Integer<0, 1_000_000> = "10000",
        /// Queues, and likewise topics, that the admin API lists, sorts and searches: those that were created first. They are
        /// some 200 bytes each in each of up to three looks, which are held for a minute after the API was last asked.
        admin_listed_max: Integer<100, 10_000_000> = "200000",
    }

    /// `[native]`: the listener of the native protocol. Its connections count in `limits.connections_max`, and what its
    /// clients have not read yet in `limits.answers_bytes_max`.
    native: Native "native" {
        /// Where the native protocol listens: on TCP, and with QUIC on the UDP port of the same number if `native.tls.certificate`
        /// is set. Empty: nowhere. Without users, addresses other than loopback ones need `allow_anonymous_network`.
        listen: OptionalAddress = "127.0.0.1:9326",
        /// Where clients reach the same queues and topics, this broker or one that takes over from it. A client learns them
        /// when it connects, and tries them in turn when its connection ends. Empty: it keeps to the addresses that it was
        /// given.
        advertised: HostAddresses = "",
        /// Where clients are sent when this broker stops, in turn: the brokers that take over. Empty: they are told that the
        /// broker stops, and try the addresses that they know.
        go_away_to: HostAddresses = "",
        /// How long a client may take to prove who it is, in seconds, the handshake of TLS included. Then it is
        /// disconnected.
        hello_seconds_max: Integer<1, 3_600> = "10",
        /// How often the broker sends a ping on a connection on which it has sent nothing else, in seconds. Clients are
        /// asked to do the same.
        heartbeat_seconds: Integer<1, 3_600> = "10",
        /// How long a client may be silent, in seconds. Then it is disconnected. At least twice `heartbeat_seconds`.
        silence_seconds_max: Integer<2, 7_200> = "30",
        /// Producers and consumers of one connection at once.
        links_max: Integer<1, 65_535> = "256",
        /// Producers and consumers of all connections at once, without the first 4 of each connection. One more is refused
        /// with `TooManyLinks`.
        all_links_max: Integer<0, 16_777_216> = "65536",
        /// Calls of one connection that are not answered yet, and links that are being opened. One more is refused. Of
        /// settlements as many may be under way; beyond, the broker does not read on.
        requests_max: Integer<1, 65_536> = "256",
        /// Bytes of messages that one producer may have sent without an answer. Clients learn it when they open the producer.
        window_bytes_max: Integer<4_194_304, 1_073_741_824> = "8388608",
        /// Messages that one producer may have sent without an answer. On FIFO queues and topics 1,024 at most.
        window_messages_max: Integer<1, 1_048_576> = "65536",
        /// Bytes of messages that one consumer is sent before its client has read them, whatever credit it gives. One
        /// message is always sent.
        link_bytes_max: Integer<65_536, 1_073_741_824> = "4194304",
        /// Bytes of frames that all connections have sent and that are not answered yet. At the limit the broker reads
        /// frames longer than 64 KiB only as others are answered.
        received_bytes_max: Integer<16_777_216, 1_099_511_627_776> = "268435456",
        /// Bytes that QUIC holds for all connections beyond 64 KiB of each in each direction: what clients have sent and the
        /// broker has not read, and what it has sent and they have not acknowledged. A connection gets 6 MiB of them, and at
        /// most an eighth of what is left. They bound how much is under way in one round trip.
        quic_bytes_max: Integer<0, 1_099_511_627_776> = "268435456",
    }

    /// `[native.tls]`: TLS and QUIC of the native protocol.
    native_tls: NativeTls "native.tls" {
        /// A PEM file with the certificate that the native listener shows, and those between it and its authority. With it
        /// every TCP connection must use TLS 1.3, and QUIC is on. Empty: neither TLS nor QUIC.
        certificate: OptionalPath = "",
        /// A PEM file with the certificate's private key. Needed where `native.tls.certificate` is set.
        key: OptionalPath = "",
        /// A PEM file of certificate authorities. Each client must show a certificate of one of them, besides the proof of
        /// its access key. Empty: clients need no certificate.
        client_ca: OptionalPath = "",
    }

    /// `[tls]`: TLS of the AWS API.
    tls: ApiTls "tls" {
        /// A PEM file with the certificate that the AWS API shows, and those between it and its authority. With it every
        /// connection must use TLS 1.2 or 1.3, and URLs begin with https://. Empty: no TLS.
        certificate: OptionalPath = "",
        /// A PEM file with the certificate's private key, without a passphrase. Needed where `tls.certificate` is set.
        key: OptionalPath = "",
        /// A PEM file of certificate authorities. Each client must show a certificate of one of them, besides the signatures
        /// of its requests. Empty: clients need no certificate.
        client_ca: OptionalPath = "",
    }

    /// `[admin.tls]`: TLS of the admin listener.
    admin_tls: AdminTls "admin.tls" {
        /// A PEM file with the certificate that the admin listener shows, and those between it and its authority. With it every
        /// connection must use TLS 1.2 or 1.3. Empty: no TLS.
        certificate: OptionalPath = "",
        /// A PEM file with the certificate's private key, without a passphrase. Needed where `admin.tls.certificate` is set.
        key: OptionalPath = "",
        /// A PEM file of certificate authorities. Each client must show a certificate of one of them. Empty: clients need no
        /// certificate.
        client_ca: OptionalPath = "",
    }

    /// `[rules]`: waiting times that SQS imposes. They are off unless set, since a private broker rarely needs them.
    rules: Rules "rules" {
        /// How long after a PurgeQueue the next one of the same queue is refused, in seconds. SQS: 60. 0: never.
        purge_interval_seconds: Integer<0, 3_600> = "0",
        /// How long after a DeleteQueue the same name is refused, in seconds. SQS: 60. 0: never.
        queue_deleted_recently_seconds: Integer<0, 3_600> = "0",
    }

    /// `[quotas]`: what each account may hold, in all regions together. They are off unless set: AWS's own limits hold.
    quotas: Quotas "quotas" {
        /// Queues of one account. One more is refused with `OverLimit`. 0: as many as there is room for.
        queues: Integer<0, 4_294_967_295> = "0",
        /// Topics of one account. One more is refused with `TopicLimitExceeded`. 0: as many as SNS allows.
        topics: Integer<0, 4_294_967_295> = "0",
        /// Subscriptions that one account owns, in any state. One more is refused with `SubscriptionLimitExceeded`. 0: as
        /// many as SNS allows.
        subscriptions: Integer<0, 4_294_967_295> = "0",
        /// Messages in all queues of one account, in any state. A publication counts once in each queue that it goes
        /// to. One more is refused with `OverLimit`, a publication with `Throttled`. 0: as many as there is room for.
        messages: Integer<0, 9_007_199_254_740_991> = "0",
        /// Bytes of these messages, as they are stored. More is refused as more messages are. 0: as many as there is room
        /// for.
        bytes: Integer<0, 9_007_199_254_740_991> = "0",
        /// Platform applications and endpoints, SMS settings and phone numbers of one account. One more is refused with
        /// `Throttled`. 0: as many as there is room for.
        endpoints: Integer<0, 4_294_967_295> = "0",
        /// Deduplication ids and receive attempts that one FIFO queue or FIFO topic remembers at once, each for five
        /// minutes. More are refused with 503 until then. 0: as many as there is room for.
        fifo_ids: Integer<0, 4_294_967_295> = "0",
    }

    /// `[push]`: delivery to endpoints that are not queues.
    push: Push "push" {
        /// Deliveries to one endpoint at once. An endpoint that fails gets fewer.
        connections_per_endpoint: Integer<1, 1_024> = "64",
        /// Connections to endpoints, gateways and the e-mail server at once, idle ones included. A delivery that finds
        /// none free goes back to its queue, untried. If the system allows fewer open files than these and
        /// `limits.connections_max` need, there are fewer of both.
        connections_max: Integer<1, 1_000_000> = "4096",
        /// How long one attempt may take, from looking up the endpoint's address to its answer, in seconds.
        timeout_seconds: Integer<1, 300> = "15",
        /// Bytes that are read of an endpoint's response. Only responses of gateways are evaluated; after a longer one
        /// the connection is closed.
        response_bytes_max: Integer<0, 16_777_216> = "65536",
        /// Bytes of all messages that are being delivered at once.
        memory_bytes_max: Integer<1_048_576, 4_294_967_295> = "268435456",
        /// How long a connection to an endpoint is kept without use, in seconds.
        idle_seconds_max: Integer<1, 3_600> = "30",
        /// Destinations that are permitted although `push.deny` or a built-in rule refuses them.
        allow: Destinations = "",
        /// Networks that are refused, besides those of the built-in rules: link-local and metadata services of clouds,
        /// multicast, unspecified and broadcast addresses, and loopback ones and all others of the broker's own machine
        /// where there are users or other machines reach the broker. `private`: every network that is not public.
        deny: Denied = "",
        /// A PEM file of certificate authorities that HTTPS endpoints, gateways and the e-mail server may use, besides
        /// those that the system trusts.
        ca_file: OptionalPath = "",
    }

    /// `[push.email]`: the server that e-mail goes through.
    email: Email "push.email" {
        /// The SMTP server. Empty: e-mail cannot be delivered.
        host: HostName = "",
        /// Its port.
        port: Integer<1, 65_535> = "587",
        /// How the connection is protected.
        tls: EmailTls = "starttls",
        /// The user that logs in. Empty: no login.
        user: Text = "",
        /// The password of `push.email.user`.
        password: Secret = "",
        /// A file with the password of `push.email.user`, instead of `push.email.password`. The end of its last line does not
        /// count.
        password_file: OptionalPath = "",
        /// The sender of e-mail. Needed where `push.email.host` is set.
        from: Sender = "",
    }

    /// `[push.sms]`: the gateway of text messages.
    sms: SmsGateway "push.sms" {
        /// Where messages to phone numbers are posted. Empty: they cannot be delivered.
        url: GatewayUrl = "",
    }

    /// `[push.mobile]`: the gateway of platform endpoints.
    mobile: MobileGateway "push.mobile" {
        /// Where messages to platform endpoints (mobile push) are posted. Empty: they cannot be delivered.
        url: GatewayUrl = "",
    }

    /// `[push.lambda]`: the gateway of functions.
    lambda: LambdaGateway "push.lambda" {
        /// Where messages to functions are posted. Empty: they cannot be delivered.
        url: GatewayUrl = "",
    }

    /// `[push.firehose]`: the gateway of delivery streams.
    firehose: FirehoseGateway "push.firehose" {
        /// Where messages to delivery streams are posted. Empty: they cannot be delivered.
        url: GatewayUrl = "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::layers::Layers;

    #[test]
    fn every_default_is_within_its_own_range() {
        let settings = Settings::read(&Layers::defaults()).expect("the defaults are valid");
        assert_eq!(settings.general.listen.to_string(), "127.0.0.1:9324");
        assert_eq!(settings.rules.purge_interval_seconds.get(), 0);
    }

    #[test]
    fn names_follow_one_rule() {
        let names = |key: &str| {
            let setting = SETTINGS.iter().find(|setting| setting.key == key).expect("there is one");
            (setting.name(), setting.flag(), setting.variable())
        };
        let expect = |name: &str, flag: &str, variable: &str| (name.into(), flag.into(), variable.into());
        assert_eq!(names("data_dir"), expect("data_dir", "data-dir", "POSTHOUSE_DATA_DIR"));
        assert_eq!(
            names("body_bytes_max"),
            expect("limits.body_bytes_max", "limits-body-bytes-max", "POSTHOUSE_LIMITS_BODY_BYTES_MAX")
        );
    }
}
