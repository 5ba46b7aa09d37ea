"""Jobs: what takes several stages. Stages know nothing of each other; a job hands what one made to the next.

`main_job` is `warehouse run`, `erasing` is `warehouse erase`, `doctor` examines everything.
"""
