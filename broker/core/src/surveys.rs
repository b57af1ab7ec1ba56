//! Inspections: views of all queues and topics, made in slices between requests.
//!
//! One survey of the engine is under way at a time, and one slice of it is made in an iteration. All who ask while one is
//! under way share the next one, so that each gets figures from after it asked.

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
}

struct UnderWay {
    survey: Survey,
    asked: Vec<Inspect>,
}

impl Surveys {
    /// Inspections that list this many queues and topics at most.
    pub(crate) const fn new(listed_max: usize) -> Self {
        Self { listed_max, under_way: None, asking: Vec::new() }
    }

    /// Adds one who asks. It is answered by what a later [`Surveys::advance`] returns.
    pub(crate) fn ask(&mut self, inspect: Inspect) {
        self.asking.push(inspect);
    }

    /// Whether there is a slice to make. If so, the loop must not sleep.
    pub(crate) const fn is_due(&self) -> bool {
        self.under_way.is_some() || !self.asking.is_empty()
    }

    /// Makes the next slice, if one is due. Returns a survey that is done, with those to pass it to.
    pub(crate) fn advance(&mut self, engine: &Engine, now: Timestamp) -> Option<(Overview, Vec<Inspect>)> {
        let UnderWay { survey, asked } = match self.under_way.take() {
            Some(under_way) => under_way,
            None if self.asking.is_empty() => return None,
            None => UnderWay { survey: Survey::new(self.listed_max), asked: core::mem::take(&mut self.asking) },
        };
        match engine.survey(survey, now, SLICE) {
            SurveyStep::Done(overview) => Some((overview, asked)),
            SurveyStep::More(survey) => {
                self.under_way = Some(UnderWay { survey, asked });
                None
            }
        }
    }
}
