//! What a stranger does to a kernel is found and mended, at the cost of what was touched where the kernel tells it.

use mooring_domain::nat::Touched;

use super::*;

/// Elements, neighbours and routes that a stranger takes out; also where the kernel does not say its generation.
#[tokio::test(flavor = "multi_thread")]
async fn drift_is_mended_also_where_the_kernel_does_not_answer_at_once() {
    let first = target(1, &[7, 8]);
    for silent in [false, true] {
        let mut stage = Stage::start(Fake::new(true), first.clone());
        stage.applied(1).await;
        stage.fake.with(|memory| {
            memory.actual.eip_to_havip.remove(&eip(7));
            memory.actual.routes.clear();
            memory.generation += 1;
        });
        if silent {
            stage.fake.fail_with(Call::Generation, 105);
            stage.fake.fail_with(Call::Read, 16);
        }
        stage.mended(&first).await;
    }
}

/// A kernel that tells which elements a stranger touched is not read for that.
#[tokio::test(flavor = "multi_thread")]
async fn elements_that_were_touched_are_mended_without_reading_everything() {
    let (first, second) = (target(1, &[7, 8]), target(2, &[7, 8, 9]));
    let mut stage = Stage::start(Fake::new(true), first.clone());
    stage.applied(1).await;
    stage.fake.fail(Call::Read, 1_000);
    stage.fake.with(|memory| {
        memory.actual.eip_to_havip.remove(&eip(7));
        memory.actual.havips.insert(havip(99));
        memory.told = Some(vec![Touched::Eip(eip(7), None), Touched::Known(havip(99), true)]);
        memory.generation += 1;
    });
    stage.mended(&first).await;
    let recorded = stage.progress.wait_for(|progress| progress.drifts == 1);
    timeout(SOON, recorded).await.unwrap().unwrap();
    let drift = stage.drifts.pop().unwrap();
    let said: Vec<_> = drift.differences.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["eip_to_havip 203.0.113.7 : 10.0.1.7 is missing", "havips 10.0.1.99 is foreign"]);
    assert_eq!(attested(&stage).hash, attested(&stage).folded);
    stage.target.send_replace(second.clone());
    stage.applied(2).await;
    stage.is(&second);
}

/// The kernel does not say what was touched, or does not take the way back: then everything is read.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_mended_by_what_was_touched_is_read_and_recorded_once() {
    let first = target(1, &[7, 8]);
    for call in [Call::Touched, Call::Apply] {
        let mut stage = Stage::start(Fake::new(true), first.clone());
        stage.applied(1).await;
        stage.fake.fail_with(call, 16);
        stage.fake.with(|memory| {
            memory.actual.eip_to_havip.remove(&eip(7));
            memory.told = Some(vec![Touched::Eip(eip(7), None)]);
            memory.generation += 1;
        });
        stage.fault().await;
        stage.applied(1).await;
        stage.is(&first);
        assert_eq!(stage.progress.borrow().drifts, 1, "{call:?}");
        assert_eq!(attested(&stage).hash, attested(&stage).folded);
    }
}

/// A stranger's change between what was told and the way back: the way back is one generation, and there were two.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_something_is_mended_is_found_as_well() {
    let first = target(1, &[7, 8]);
    let mut stage = Stage::start(Fake::new(true), first.clone());
    stage.applied(1).await;
    stage.fake.with(|memory| {
        memory.actual.eip_to_havip.remove(&eip(7));
        memory.told = Some(vec![Touched::Eip(eip(7), None)]);
        memory.meanwhile = vec![Op::UnmapEip(eip(8))];
        memory.generation += 1;
    });
    stage.mended(&first).await;
    let recorded = stage.progress.wait_for(|progress| progress.drifts == 2);
    timeout(SOON, recorded).await.unwrap().unwrap();
}

/// What is told of our own changes is as it should be. One that is not is all that has everything read.
#[tokio::test(flavor = "multi_thread")]
async fn of_neighbours_and_routes_only_what_a_stranger_did_has_everything_read() {
    let (first, second) = (target(1, &[7]), target(2, &[7, 8]));
    let mut stage = Stage::start(Fake::new(true), first);
    stage.applied(1).await;
    stage.target.send_replace(second.clone());
    stage.applied(2).await;
    stage.fake.fail_with(Call::Read, 16);
    let address = |address| v4(&address).unwrap();
    for own in [
        Seen::Neighbour { address: address(havip(8)), mac: Some(HOLDER) },
        Seen::Route { address: address(eip(8)), ours: true },
        Seen::Neighbour { address: address(havip(9)), mac: None },
    ] {
        assert!(stage.entries.note(own));
    }
    let looked_at = async {
        while !stage.entries.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(SOON, looked_at).await.is_ok());
    stage.target.send_replace(target(3, &[7, 8]));
    stage.applied(3).await;
    stage.fake.with(|memory| memory.actual.neighbours.remove(&havip(8)));
    stage.entries.note(Seen::Neighbour { address: address(havip(8)), mac: None });
    let said = stage.fault().await.fault.unwrap();
    assert!(said.contains("os error 16"), "the first reading since then: {said}");
    stage.mended(&second).await;
}
