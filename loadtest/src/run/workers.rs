//! Opens the connections of the workers, starts workers, and ends them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use super::consumer::{ConsumerWorker, ServedDestination};
use super::producer::ProducerWorker;
use super::shared::Shared;
use crate::target::{Consumer, Failure, Producer};

/// Connections that are opened at once.
const OPENED_AT_ONCE: usize = 32;
/// The time from the start of the producers to the start of their schedules.
const START: Duration = Duration::from_millis(5);

/// Opens the connections of all producers.
pub(super) async fn open_producers(shared: &Shared) -> Result<Vec<Box<dyn Producer>>, Failure> {
    let open = |_| shared.target.producer(&shared.sending);
    stream::iter(0..shared.plan.producers).map(open).buffered(OPENED_AT_ONCE).try_collect().await
}

/// Opens the connections of `count` consumers. If there are more destinations than consumers, each consumer serves
/// several; otherwise several consumers serve a destination.
pub(super) async fn open_consumers(shared: &Shared, count: usize) -> Result<Vec<Vec<ServedDestination>>, Failure> {
    let destinations = shared.layout.kind.destinations() as usize;
    let served = |consumer: usize| -> Vec<usize> {
        if destinations > count {
            (consumer..destinations).step_by(count).collect()
        } else {
            vec![consumer % destinations]
        }
    };
    let seats = (0..count).flat_map(|consumer| served(consumer).into_iter().map(move |place| (consumer, place)));
    let open = |(consumer, destination): (usize, usize)| async move {
        let destination = u32::try_from(destination).expect("counted by a u32");
        let connection: Box<dyn Consumer> = shared.target.consumer(&shared.receiving, destination).await?;
        Ok::<_, Failure>((consumer, ServedDestination { destination, connection }))
    };
    let mut places: Vec<Vec<ServedDestination>> = (0..count).map(|_| Vec::new()).collect();
    let mut opened = stream::iter(seats).map(open).buffered(OPENED_AT_ONCE);
    while let Some((consumer, place)) = opened.try_next().await? {
        places[consumer].push(place);
    }
    Ok(places)
}

/// Makes a producer for each connection.
pub(super) fn make_producers(
    shared: &Arc<Shared>,
    connections: Vec<Box<dyn Producer>>,
) -> Result<Vec<ProducerWorker>, Failure> {
    connections
        .into_iter()
        .enumerate()
        .map(|(number, connection)| ProducerWorker::new(shared, number, connection))
        .collect()
}

/// Starts the producers.
pub(super) fn start_producers(shared: &Arc<Shared>, producers: Vec<ProducerWorker>) -> JoinSet<()> {
    let start = shared.clock.now().plus(START);
    producers.into_iter().map(|producer| producer.work(start)).collect()
}

/// Starts the consumers.
pub(super) fn start_consumers(shared: &Arc<Shared>, places: Vec<Vec<ServedDestination>>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for (number, places) in places.into_iter().enumerate() {
        workers.spawn(ConsumerWorker::new(shared, number, places).work());
    }
    workers
}

/// Waits until all workers have ended or `patience` is over. Then aborts the workers that are left, and returns how
/// many there were.
pub(super) async fn end(mut workers: JoinSet<()>, patience: impl Future<Output = ()>) -> usize {
    let all = async {
        while let Some(ended) = workers.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    };
    tokio::select! {
        () = all => return 0,
        () = patience => {}
    }
    let left = workers.len();
    workers.shutdown().await;
    left
}
