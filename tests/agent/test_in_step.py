"""The measure of lip sync itself."""

import numpy as np
import pytest

from tests.agent.in_step import envelope, lag_ms


@pytest.mark.parametrize("late_ms", [-120, 0, 35, 90])
def test_a_mouth_that_is_late_is_found_to_be_so_late(late_ms: int) -> None:
    chance = np.random.default_rng(7)
    levels = np.repeat(np.clip(chance.normal(0.0, 0.2, 60), 0.0, 1.0), 24_000 // 10)
    sound = (levels * 20_000 * np.sin(np.arange(levels.size) / 5)).astype(np.int16)
    sound_times, loudness = envelope(sound, 1.0)
    picture_times = 1.0 + np.arange(0, 6, 0.04) + late_ms / 1000
    opening = np.array([loudness[int(k * 4) : int(k * 4) + 4].mean() for k in range(len(picture_times))])
    found, correlation = lag_ms(picture_times, opening, sound_times, loudness)
    assert found == pytest.approx(late_ms + 10, abs=12)
    assert correlation > 0.85
