"""What the tests of the one build that the suite makes ask of it, a file for each domain; test_build.py runs them."""
