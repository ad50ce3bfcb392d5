//! The fan-out, and topics.

use crate::given::{Storage, bytes, given, keep, storage};
use core::slice::ChunksExact;
use streamgauge_core::log::Mark;
use streamgauge_core::storage::Grow;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{
    Batch, Extent, Fanout, Id, LagPolicy, Limit, Pacer, Place, Published, Replay, Speed, Timed, Topic,
};

type Crier = Fanout<Storage, &'static mut [Place]>;

type Named = Topic<Storage, &'static mut [Place], &'static mut [Mark]>;
type Messages = ChunksExact<'static, u8>;

fn topic() -> &'static mut Named {
    given()
}

fn marks() -> &'static mut [Mark] {
    core::mem::take(given())
}

fn batch() -> Batch<Messages> {
    given::<Batch<Messages>>().clone()
}

fn fanout() -> &'static mut Crier {
    given()
}

fn cursors() -> &'static mut [Place] {
    core::mem::take(given())
}

fn id() -> Id {
    *given()
}

roots! {
    new => Fanout::new(storage(), cursors());
    starting_at => Fanout::starting_at(storage(), cursors(), *given());
    subscribers => fanout().subscribers();
    published => fanout().published();
    delivered => fanout().delivered();
    origin => fanout().origin();
    log => fanout().log();
    check => fanout().check(*given());
    publish => fanout().publish(bytes());
    subscribe => fanout().subscribe();
    resume => fanout().resume(*given());
    knows => fanout().knows(*given());
    unsubscribe => fanout().unsubscribe(id());
    count_delivered => fanout().count_delivered();
    next => fanout().next(id());
    position => fanout().position(id());
    messages => fanout().messages(*given()).for_each(keep);
    advance => fanout().advance(id(), *given());
    delivery => fanout().delivery(id());
    publish_all => fanout().publish_all(batch());
    skip_to => fanout().skip_to(id(), *given());
    withhold => fanout().withhold(id(), *given(), *given());
    batch_of => Batch::of(given::<Messages>().clone());
    batch_count => given::<Batch<Messages>>().count();
    batch_bytes => given::<Batch<Messages>>().bytes();
    batch_longest => given::<Batch<Messages>>().longest();
    batch_messages => batch().into_messages().for_each(keep);
    published_last => given::<Published>().last();
    topic_new => Topic::new(storage(), cursors(), marks(), *given(), *given());
    topic_settings => topic().settings();
    topic_set_settings => topic().set_settings(*given());
    topic_counters => topic().counters();
    topic_log => topic().log();
    topic_origin => topic().origin();
    topic_published_at => topic().published_at();
    topic_hold => topic().hold();
    topic_renumber => topic().renumber(*given());
    topic_skip => topic().skip(*given());
    topic_refill => topic().refill(bytes().chunks_exact(8).map(|message| (*given(), message)));
    topic_hold_all => topic().hold_all();
    topic_release => topic().release();
    topic_release_to => topic().release_to(*given());
    topic_visible_end => topic().visible_end();
    topic_newest => topic().newest();
    topic_expires_at => topic().expires_at();
    topic_check => topic().check(*given());
    topic_publish => topic().publish(bytes(), *given());
    topic_publish_all => topic().publish_all(batch(), *given());
    topic_expire => topic().expire(*given());
    topic_fill => topic().fill(id(), bytes(), *given());
    topic_go_on => topic().go_on(id(), *given(), given());
    topic_seek => topic().seek(*given());
    topic_seek_time => topic().seek_time(*given());
    topic_within => topic().within(*given());
    topic_timed => topic().timed(*given()).for_each(keep);
    topic_timed_position => Timed::position(given::<Timed<'static, Storage>>());
    topic_subscribe => topic().subscribe();
    topic_subscribe_from => topic().subscribe_from(*given());
    topic_next => topic().next(id());
    topic_position => topic().position(id());
    topic_messages => topic().messages(*given()).for_each(keep);
    topic_advance => topic().advance(id(), *given());
    topic_skip_to => topic().skip_to(id(), *given());
    topic_withhold => topic().withhold(id(), *given(), *given());
    topic_delivery => topic().delivery(id());
    topic_unsubscribe => topic().unsubscribe(id());
    topic_count_delivered => topic().count_delivered();
    limit_name => given::<Limit>().name();
    policy_new => LagPolicy::new(*given(), *given());
    policy_decide => given::<LagPolicy>().decide(*given(), *given());
    policy_blocked => given::<LagPolicy>().blocked();
    pacer_new => Pacer::new(*given());
    pacer_takes => given::<Pacer>().takes(*given());
    extent_limit => given::<Extent>().limit(*given());
    extent_until => given::<Extent>().until(*given());
    extent_count => given::<Extent>().count(*given());
    extent_left => given::<Extent>().left();
    extent_is_over => given::<Extent>().is_over(*given());
    speed => Speed::from_thousandths(*given());
    replay_new => Replay::new(*given(), *given());
    replay_due => given::<Replay>().due(*given());
    time_from_millis => Time::from_millis(*given());
    time_as_millis => given::<Time>().as_millis();
    time_after => given::<Time>().after(*given());
    time_since => given::<Time>().since(*given());
    places_grow => given::<&'static mut [Place]>().grow();
}

sizes! {
    "fanout: Fanout": Crier;
    "topic: Topic": Named;
    "topic: Mark": Mark;
    "topic: LagPolicy": LagPolicy;
    "fanout: Place, a subscriber": Place;
}
