using Hangfire;
using Hangfire.Server;

namespace SmtWeb.Runs.Queue;

/// <summary>Training as Hangfire calls it; a worker has the body. What is returned or thrown is shown with the job.</summary>
public interface ITrainingJobs
{
    /// <summary>Trains a claimed run until its attempt is over.</summary>
    [JobDisplayName("Run {0}: {1}")]
    Task<string> TrainAsync(long runId, string name, PerformContext? context);
}

/// <summary>Evaluations as Hangfire calls them.</summary>
public interface IEvaluationJobs
{
    /// <summary>Measures a claimed checkpoint.</summary>
    [JobDisplayName("Evaluation {0}: {1}")]
    Task<string> EvaluateAsync(long evaluationId, string what, PerformContext? context);
}

/// <summary>Checks of data sets as Hangfire calls them.</summary>
public interface IDatasetJobs
{
    /// <summary>Checks a claimed data set.</summary>
    [JobDisplayName("Data set {0}: check of {1}")]
    Task<string> CheckAsync(long datasetId, string name, PerformContext? context);
}

/// <summary>Indexes of neighbours as Hangfire calls them.</summary>
public interface INeighbourJobs
{
    /// <summary>Measures the training images of a run.</summary>
    [JobDisplayName("Run {0}: index of neighbours in {1}")]
    Task<string> MeasureAsync(long runId, string data, PerformContext? context);
}

/// <summary>Imports of weights as Hangfire calls them.</summary>
public interface IImportJobs
{
    /// <summary>Makes a model of a file in the folder of this node.</summary>
    [JobDisplayName("Import {0}: {1}")]
    Task<string> ImportAsync(long importId, string file, PerformContext? context);
}

/// <summary>Large generations as Hangfire calls them.</summary>
public interface IGenerationJobs
{
    /// <summary>Draws the images of a claimed batch.</summary>
    [JobDisplayName("Generation {0}: {1}")]
    Task<string> DrawAsync(long batchId, string what, PerformContext? context);
}

/// <summary>Recurring work as Hangfire calls it.</summary>
public interface IHousekeepingJobs
{
    /// <summary>Puts right what a crash, a hand in the database or an older version left between our tables and Hangfire's.</summary>
    [JobDisplayName("Housekeeping: jobs and queues")]
    Task<string> RepairAsync();

    /// <summary>Removes what has had its time.</summary>
    [JobDisplayName("Housekeeping: trash, audit, sessions, links, workers, unfinished checkpoints")]
    Task<string> ExpireAsync();
}
