//! Inspections: views of all queues and topics, made in slices between requests.
//!
//! One survey of the engine is under way at a time, and one slice of it is made in an iteration. All who ask while one is
//! under way share the next one, so that each gets figures from after it asked. Those who ask for a longer list share theirs
//! alone, so that a scrape does not get it; the two kinds take turns.

use posthouse_engine::{Engine, Overview, Survey, SurveyStep};
use posthouse_model::Timestamp;

use crate::inbox::Inspect;

/// Queues and topics of one slice: some tens of microseconds where none of them is in the processor's caches.
const SLICE: usize = 128;

/// Who asks for inspections, and the survey that is under way.
pub(crate) struct Surveys {
    listed_max: usize,
    under_way: Option<UnderWay>,
    /// Who gets the next one.
    asking: Vec<Inspect>,
    /// Who gets the next one with a list of its own length, and that length.
    looking: Vec<(usize, Inspect)>,
    latest: Kind,
}

/// Who asked for a survey.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Asking,
    Looking,
}

struct UnderWay {
    survey: Survey,
    asked: Vec<Inspect>,
}

impl Surveys {
    /// Inspections that list this many queues and topics at most.
    pub(crate) const fn new(listed_max: usize) -> Self {
        Self { listed_max, under_way: None, asking: Vec::new(), looking: Vec::new(), latest: Kind::Looking }
    }

    /// Adds one who asks. It is answered by what a later [`Surveys::advance`] returns.
    pub(crate) fn ask(&mut self, inspect: Inspect) {
        self.asking.push(inspect);
    }

    /// Adds one who asks for a list of at least `listed_max` queues and topics, if there are as many.
    pub(crate) fn look(&mut self, listed_max: usize, inspect: Inspect) {
        self.looking.push((listed_max, inspect));
    }

    /// Whether there is a slice to make. If so, the loop must not sleep.
    pub(crate) const fn is_due(&self) -> bool {
        self.under_way.is_some() || !self.asking.is_empty() || !self.looking.is_empty()
    }

    /// Makes the next slice, if one is due. Returns a survey that is done, with those to pass it to.
    pub(crate) fn advance(&mut self, engine: &Engine, now: Timestamp) -> Option<(Overview, Vec<Inspect>)> {
        let UnderWay { survey, asked } = self.under_way.take().or_else(|| self.begin())?;
        match engine.survey(survey, now, SLICE) {
            SurveyStep::Done(overview) => Some((overview, asked)),
            SurveyStep::More(survey) => {
                self.under_way = Some(UnderWay { survey, asked });
                None
            }
        }
    }

    /// The next survey. `None` if no one asks for one.
    fn begin(&mut self) -> Option<UnderWay> {
        self.latest = match (self.asking.is_empty(), self.looking.is_empty(), self.latest) {
            (true, true, _) => return None,
            (false, true, _) | (false, false, Kind::Looking) => Kind::Asking,
            (true, false, _) | (false, false, Kind::Asking) => Kind::Looking,
        };
        Some(match self.latest {
            Kind::Asking => UnderWay { survey: Survey::new(self.listed_max), asked: core::mem::take(&mut self.asking) },
            Kind::Looking => {
                let listed_max = self.looking.iter().map(|(listed_max, _)| *listed_max).max().unwrap_or_default();
                let asked = core::mem::take(&mut self.looking).into_iter().map(|(_, inspect)| inspect).collect();
                UnderWay { survey: Survey::new(listed_max), asked }
            }
        })
    }
}
