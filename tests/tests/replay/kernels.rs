//! Who asks for kernels alone is told what the whole region's fold has, at every point of a log.

use mooring_domain::Position;
use mooring_event_log::{Options, Segments};
use mooring_past::{Moment, fold_folder, kernels_at};
use mooring_tests::{history, server::own_folder};

#[test]
fn what_kernels_should_have_is_the_same_with_and_without_the_rest_of_the_region() {
    let folder = own_folder().unwrap();
    let log = Segments::open(folder.path(), Options::default(), &[]).unwrap().log;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let written = runtime.block_on(history::write(log.as_ref(), 3_000)).unwrap();
    log.close();
    let mut bound = 0;
    for position in (0..=written.position.0).step_by(7).chain([written.position.0]) {
        let moment = Moment::Record(Position(position));
        let kernels = kernels_at(folder.path(), moment).unwrap();
        assert_eq!(kernels.desired, fold_folder(folder.path(), moment).unwrap().desired, "at {position}");
        bound = kernels.desired.vpcs.values().map(|vpc| vpc.nat.len()).sum();
    }
    assert_eq!(bound, written.havips);
    assert_eq!(kernels_at(folder.path(), Moment::End).unwrap().events, written.events);
}
