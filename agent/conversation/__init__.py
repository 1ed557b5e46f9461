"""What happens between the avatar and its visitors: hearing, turns, behaviour. Answers and voice are plugged in."""
