//! Moments, and those of pairs.

use crate::given::given;
use streamgauge_core::stats::moments::{NonFinite, Parts};
use streamgauge_core::stats::pair::{self, Marginal};
use streamgauge_core::stats::{Bivariate, FixedMoments, Moments, Welford};

type Fixed = FixedMoments<i32, 16>;
type Short = FixedMoments<i16, 15>;

fn moments() -> &'static mut Moments {
    given()
}

fn bivariate() -> &'static mut Bivariate {
    given()
}

fn marginal() -> &'static mut Marginal<'static> {
    given()
}

fn welford() -> &'static mut Welford {
    given()
}

fn fixed() -> &'static mut Fixed {
    given()
}

fn short() -> &'static mut Short {
    given()
}

roots! {
    welford_new => Welford::new();
    welford_push => welford().push(*given());
    welford_merge => welford().merge(given());
    welford_count => welford().count();
    welford_mean => welford().mean();
    welford_population_variance => welford().population_variance();
    welford_sample_variance => welford().sample_variance();
    welford_sample_stddev => welford().sample_stddev();
    new => Moments::new();
    with_policy => Moments::with_policy(*given::<NonFinite>());
    push => moments().push(*given());
    extend_from_slice => moments().extend_from_slice(given::<&'static [f64]>());
    merge => moments().merge(given());
    count => moments().count();
    nan => moments().nan();
    positive_infinities => moments().positive_infinities();
    negative_infinities => moments().negative_infinities();
    non_finite => moments().non_finite();
    min => moments().min();
    max => moments().max();
    mean => moments().mean();
    population_variance => moments().population_variance();
    sample_variance => moments().sample_variance();
    population_stddev => moments().population_stddev();
    sample_stddev => moments().sample_stddev();
    skewness => moments().skewness();
    excess_kurtosis => moments().excess_kurtosis();
    to_parts => moments().to_parts();
    from_parts => Moments::from_parts(given::<Parts>(), *given());
    pair_new => Bivariate::new();
    pair_with_policy => Bivariate::with_policy(*given::<NonFinite>());
    pair_push => bivariate().push(*given(), *given());
    pair_merge => bivariate().merge(given());
    pair_count => bivariate().count();
    pair_nan => bivariate().nan();
    pair_infinite => bivariate().infinite();
    pair_non_finite => bivariate().non_finite();
    pair_x => bivariate().x();
    pair_y => bivariate().y();
    pair_population_covariance => bivariate().population_covariance();
    pair_sample_covariance => bivariate().sample_covariance();
    pair_correlation => bivariate().correlation();
    pair_r_squared => bivariate().r_squared();
    pair_slope => bivariate().slope();
    pair_intercept => bivariate().intercept();
    pair_residual_stddev => bivariate().residual_stddev();
    pair_to_parts => bivariate().to_parts();
    pair_from_parts => Bivariate::from_parts(given::<pair::Parts>(), *given());
    marginal_min => marginal().min();
    marginal_max => marginal().max();
    marginal_mean => marginal().mean();
    marginal_population_variance => marginal().population_variance();
    marginal_sample_variance => marginal().sample_variance();
    marginal_population_stddev => marginal().population_stddev();
    marginal_sample_stddev => marginal().sample_stddev();
    fixed_new => Fixed::new();
    fixed_push => fixed().push(*given());
    fixed_remove => fixed().remove(*given());
    fixed_merge => fixed().merge(given());
    fixed_count => fixed().count();
    fixed_mean_raw => fixed().mean_raw();
    fixed_population_variance_raw => fixed().population_variance_raw();
    fixed_sample_variance_raw => fixed().sample_variance_raw();
    fixed_population_stddev_raw => fixed().population_stddev_raw();
    fixed_sample_stddev_raw => fixed().sample_stddev_raw();
    fixed_skewness_raw => fixed().skewness_raw();
    fixed_excess_kurtosis_raw => fixed().excess_kurtosis_raw();
    fixed_mean => fixed().mean();
    fixed_population_variance => fixed().population_variance();
    fixed_sample_variance => fixed().sample_variance();
    fixed_population_stddev => fixed().population_stddev();
    fixed_sample_stddev => fixed().sample_stddev();
    fixed_skewness => fixed().skewness();
    fixed_excess_kurtosis => fixed().excess_kurtosis();
    short_new => Short::new();
    short_push => short().push(*given());
    short_remove => short().remove(*given());
    short_merge => short().merge(given());
    short_count => short().count();
    short_mean_raw => short().mean_raw();
    short_population_variance_raw => short().population_variance_raw();
    short_sample_variance_raw => short().sample_variance_raw();
    short_population_stddev_raw => short().population_stddev_raw();
    short_sample_stddev_raw => short().sample_stddev_raw();
    short_skewness_raw => short().skewness_raw();
    short_excess_kurtosis_raw => short().excess_kurtosis_raw();
    short_mean => short().mean();
    short_population_variance => short().population_variance();
    short_sample_variance => short().sample_variance();
    short_population_stddev => short().population_stddev();
    short_sample_stddev => short().sample_stddev();
    short_skewness => short().skewness();
    short_excess_kurtosis => short().excess_kurtosis();
}

sizes! {
    "stats: Welford": Welford;
    "stats: Moments": Moments;
    "stats: Bivariate": Bivariate;
    "stats: FixedMoments<i32>": Fixed;
    "stats: FixedMoments<i16>": Short;
}
