//! The endpoints.

use crate::given::{answer, bytes, given, keep, text};
use crate::roots::engine::engine;
use streamgauge_core::endpoints::{self, Asking, Headers, Method, Request, Response, Settings, Status, Surface};
use streamgauge_core::engine::Refusal;

fn request() -> &'static Request<'static> {
    given()
}

roots! {
    request_new => Request::new(bytes());
    request_accepts => request().accepts(text());
    request_with_body => request().with_body(bytes());
    request_accepts_json => request().accepts_json();
    method_named => Method::named(bytes());
    response_text => Response::text(*given());
    status_code => given::<Status>().code();
    headers_for_each => given::<Headers>().for_each(|name, value| keep((name, value)));
    settings_new => Settings::new(*given());
    surface_has_topics => given::<Surface>().has_topics();
    surface_has_gauges => given::<Surface>().has_gauges();
    surface_has_queues => given::<Surface>().has_queues();
    surface_counts_queues => given::<Surface>().counts_queues();
    surface_paths => given::<Surface>().paths();
    answer_request => endpoints::answer(request(), given::<Settings>(), engine(), *given(), answer());
    parse => endpoints::parse(request(), given::<Settings>(), answer()).is_ok();
    asking_waits => given::<Asking<'static>>().waits();
    asking_rendering => given::<Asking<'static>>().rendering(answer()).finish(given()).is_ok();
    rendering_out => keep(given::<Asking<'static>>().rendering(answer()).out());
    subject => endpoints::subject(request(), *given());
    methods => endpoints::methods(bytes(), *given());
    route => endpoints::route(bytes(), *given());
    routes => endpoints::routes(*given()).for_each(|route| keep(route.path));
    changes => endpoints::changes(request(), *given());
    needs => endpoints::needs(request(), *given());
    nothing => endpoints::nothing();
    overflow_line => endpoints::overflow_line(given(), bytes(), answer());
    refuse_gauge => endpoints::refuse_gauge(*given(), &text(), *given(), request(), answer());
    gauge_setup_problem => keep(endpoints::GaugeProblem::from(*given::<streamgauge_core::gauge::SetupError>()));
    gauge_merge_problem => keep(endpoints::GaugeProblem::from(*given::<streamgauge_core::gauge::MergeError>()));
    refuse => endpoints::refuse(given::<Refusal>(), request(), answer());
    write_problem => endpoints::write_problem(*given(), text(), &text(), *given(), answer());
}

sizes! {
    "endpoints: Settings": Settings;
    "endpoints: Request": Request<'static>;
}
