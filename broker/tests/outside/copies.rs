//! Copies of a data directory: verified, made from a broker that runs, and restored.

mod verify;

crate::cases! {
    a_sound_directory_is_sound_and_unchanged,
    each_kind_of_damage_is_found_and_named,
    what_cannot_be_verified_is_no_damage,
}

use verify::{
    a_sound_directory_is_sound_and_unchanged, each_kind_of_damage_is_found_and_named,
    what_cannot_be_verified_is_no_damage,
};
