//! What bare durable publishes to the same server give: the ceiling of whatever is built on it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use async_nats::jetstream::{self, Context, stream};
use bytes::Bytes;
use futures::stream::{self as streams, StreamExt};

use super::figure::Figure;
use super::report::Report;
use crate::nats::NatsServer;

/// About what the record of one bind holds.
const BYTES: usize = 512;
const SUBJECT: &str = "bench.publishes";

/// Publishes one after the other, and many at once, and waits for every acknowledgement.
pub async fn measure(nats: &NatsServer, count: usize, report: &mut Report) -> Result<()> {
    let context = jetstream::new(async_nats::connect(nats.url()).await?);
    let config = stream::Config {
        name: "bench".to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        storage: stream::StorageType::File,
        ..stream::Config::default()
    };
    context.create_stream(config).await?;
    for in_flight in [1, 256] {
        let count = if in_flight == 1 { count.div_ceil(10) } else { count };
        let begin = Instant::now();
        let times = publish(&context, count, in_flight).await?;
        let rate = count as f64 / begin.elapsed().as_secs_f64();
        let case = format!("bare durable publishes, {in_flight} in flight");
        report.enter(Figure::new("nats", case.clone(), rate, "/s"))?;
        let p50 = times[times.len() / 2].as_secs_f64() * 1e3;
        report.enter(Figure::new("nats", format!("{case}, p50"), p50, "ms"))?;
    }
    context.delete_stream("bench").await?;
    Ok(())
}

async fn publish(context: &Context, count: usize, in_flight: usize) -> Result<Vec<Duration>> {
    let one = |_| async {
        let begin = Instant::now();
        context.publish(SUBJECT, Bytes::from_static(&[7; BYTES])).await?.await?;
        anyhow::Ok(begin.elapsed())
    };
    let done: Vec<Result<Duration>> =
        streams::iter(0..count).map(one).buffer_unordered(in_flight).collect().await;
    let mut times = done.into_iter().collect::<Result<Vec<_>>>()?;
    ensure!(times.len() == count, "{count} publishes, {} acknowledgements", times.len());
    times.sort();
    Ok(times)
}
