"""The session: the stages of a step, and the files that it leaves on disk.

    session, execute    a session, and its steps called by one function
    plan, experiment    many steps: by a plan, or with options compared on one frontier
    verify              checks of every file, and repair
    history             steps on disk: written, read, derived again and made again
    step                one step: inputs, stages, choice, result
    journal             paid calls: requests, answers, costs
    export, fitting     pictures out of a session and into it
    store, formats      the files of a session, and the types of its records
    labels, notebook    people's judgement of seams and candidates; the display in a notebook
"""
