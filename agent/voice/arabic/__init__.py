"""Arabic speech: words for digits and signs, vowels restored, phonemes, espeak-ng's sound."""
