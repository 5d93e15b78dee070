using System.Text;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace SmtWeb.Runs.Entities;

/// <summary>
/// The whole database. Tables and columns are snake_case, because the hot paths (metrics, chunks, claims) are plain SQL
/// over the same tables.
/// </summary>
public sealed class SmtWebDbContext(DbContextOptions<SmtWebDbContext> options) : IdentityDbContext<LabUser>(options)
{
    /// <summary>Runs.</summary>
    public DbSet<RunRow> Runs => Set<RunRow>();

    /// <summary>Attempts at runs.</summary>
    public DbSet<AttemptRow> Attempts => Set<AttemptRow>();

    /// <summary>Points of curves.</summary>
    public DbSet<MetricRow> Metrics => Set<MetricRow>();

    /// <summary>Pictures.</summary>
    public DbSet<PictureRow> Pictures => Set<PictureRow>();

    /// <summary>Evaluations.</summary>
    public DbSet<EvaluationRow> Evaluations => Set<EvaluationRow>();

    /// <summary>Log lines and state changes.</summary>
    public DbSet<EventRow> Events => Set<EventRow>();

    /// <summary>Checkpoints, complete or not.</summary>
    public DbSet<CheckpointRow> Checkpoints => Set<CheckpointRow>();

    /// <summary>Imported models.</summary>
    public DbSet<ModelRow> Models => Set<ModelRow>();

    /// <summary>Evaluations that wait, run or ended.</summary>
    public DbSet<EvaluationJobRow> EvaluationJobs => Set<EvaluationJobRow>();

    /// <summary>Work other than training that waits or runs.</summary>
    public DbSet<WorkItemRow> WorkItems => Set<WorkItemRow>();

    /// <summary>Workers, alive or not.</summary>
    public DbSet<WorkerRow> Workers => Set<WorkerRow>();

    /// <summary>Registered data sets.</summary>
    public DbSet<DatasetRow> Datasets => Set<DatasetRow>();

    /// <summary>Keys for REST.</summary>
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();

    /// <summary>Sessions of people who signed in.</summary>
    public DbSet<SessionRow> Sessions => Set<SessionRow>();

    /// <summary>Who did what.</summary>
    public DbSet<AuditRow> Audit => Set<AuditRow>();

    /// <summary>Answers to requests that may come again.</summary>
    public DbSet<AnswerRow> Answers => Set<AnswerRow>();

    /// <summary>Data protection keys.</summary>
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        People(builder);
        RunsAndAttempts(builder);
        Series(builder);
        Checkpointing(builder);
        ImportedModels(builder);
        Data(builder);
        foreach (var entity in builder.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties())
            {
                property.SetColumnName(SnakeCase(property.Name));
            }
        }
    }

    private static void People(ModelBuilder builder)
    {
        builder.Entity<LabUser>().ToTable("users");
        builder.Entity<IdentityRole>().ToTable("roles");
        builder.Entity<IdentityUserRole<string>>().ToTable("user_roles");
        builder.Entity<IdentityUserClaim<string>>().ToTable("user_claims");
        builder.Entity<IdentityUserLogin<string>>().ToTable("user_logins");
        builder.Entity<IdentityUserToken<string>>().ToTable("user_tokens");
        builder.Entity<IdentityRoleClaim<string>>().ToTable("role_claims");
        builder.Entity<ApiKey>(key =>
        {
            key.ToTable("api_keys");
            key.HasIndex(k => k.Hash).IsUnique();
            key.HasOne(k => k.Owner).WithMany().HasForeignKey(k => k.OwnerId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<SessionRow>(session =>
        {
            session.ToTable("sessions");
            session.HasIndex(s => s.UserId);
            session.HasOne<LabUser>().WithMany().HasForeignKey(s => s.UserId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<AuditRow>(line =>
        {
            line.ToTable("audit");
            line.HasIndex(a => a.At);
        });
        builder.Entity<AnswerRow>(answer =>
        {
            answer.ToTable("answers");
            answer.HasKey(a => new { a.OwnerId, a.Key });
        });
        builder.Entity<DataProtectionKey>(key =>
        {
            key.ToTable("data_protection_keys");
            key.HasIndex(k => k.FriendlyName).IsUnique();
        });
    }

    private static void RunsAndAttempts(ModelBuilder builder)
    {
        builder.Entity<RunRow>(run =>
        {
            run.ToTable("runs");
            run.Property(r => r.Spec).HasColumnType("jsonb");
            run.Property(r => r.State).HasConversion<string>();
            run.Property(r => r.Request).HasConversion<string>();
            run.HasIndex(r => new { r.Priority, r.Id })
                .IsDescending(true, false)
                .HasFilter("state IN ('Queued', 'Recovering')")
                .HasDatabaseName("runs_queue");
            run.HasIndex(r => r.LeaseUntil).HasFilter("lease_until IS NOT NULL").HasDatabaseName("runs_lease");
            run.HasIndex(r => r.JobId).IsUnique().HasDatabaseName("runs_job");
            run.Property(r => r.TrashedFrom).HasConversion<string>();
            run.HasIndex(r => r.Trashed).HasFilter("trashed IS NOT NULL").HasDatabaseName("runs_trash");
            run.HasIndex(r => r.TeacherRunId).HasFilter("teacher_run_id IS NOT NULL").HasDatabaseName("runs_teacher");
            run.HasMany(r => r.Attempts).WithOne().HasForeignKey(a => a.RunId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<AttemptRow>(attempt =>
        {
            attempt.ToTable("attempts");
            attempt.HasKey(a => new { a.RunId, a.Number });
        });
        builder.Entity<WorkerRow>().ToTable("workers");
        builder.Entity<WorkItemRow>(item =>
        {
            item.ToTable("work_items");
            item.HasIndex(i => new { i.Queue, i.Subject }).IsUnique();
            item.HasIndex(i => i.JobId).IsUnique();
            item.HasOne<RunRow>().WithMany().HasForeignKey(i => i.RunId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<EventRow>(line =>
        {
            line.ToTable("events");
            line.Property(e => e.Level).HasConversion<string>();
            line.Property(e => e.State).HasConversion<string>();
            line.HasIndex(e => new { e.RunId, e.Id });
            line.HasOne<RunRow>().WithMany().HasForeignKey(e => e.RunId).OnDelete(DeleteBehavior.Cascade);
        });
    }

    private static void Series(ModelBuilder builder)
    {
        builder.Entity<MetricRow>(metric =>
        {
            metric.ToTable("metrics");
            metric.HasKey(m => new { m.RunId, m.Id });
            metric.Property(m => m.Id).UseIdentityByDefaultColumn();
            metric.HasOne<RunRow>().WithMany().HasForeignKey(m => m.RunId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<PictureRow>(picture =>
        {
            picture.ToTable("pictures");
            picture.Property(p => p.Kind).HasConversion<string>();
            picture.HasIndex(p => new { p.RunId, p.Id });
            picture.HasOne<RunRow>().WithMany().HasForeignKey(p => p.RunId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<EvaluationRow>(evaluation =>
        {
            evaluation.ToTable("evaluations");
            evaluation.Property(e => e.Record).HasColumnType("jsonb");
            evaluation.HasIndex(e => new { e.RunId, e.Id });
            evaluation.Property(e => e.Ranks).HasDefaultValue(true);
            evaluation.HasOne<RunRow>().WithMany().HasForeignKey(e => e.RunId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<EvaluationJobRow>(job =>
        {
            job.ToTable("evaluation_jobs");
            job.Property(j => j.State).HasConversion<string>();
            job.HasIndex(j => new { j.RunId, j.Id });
            job.HasIndex(j => j.CheckpointId).HasFilter("state IN ('Queued', 'Running')").HasDatabaseName("evaluation_jobs_open");
            job.HasOne<RunRow>().WithMany().HasForeignKey(j => j.RunId).OnDelete(DeleteBehavior.Cascade);
        });
    }

    private static void Checkpointing(ModelBuilder builder)
    {
        builder.Entity<CheckpointRow>(checkpoint =>
        {
            checkpoint.ToTable("checkpoints");
            checkpoint.HasIndex(c => new { c.RunId, c.Id });
            checkpoint.HasOne<RunRow>().WithMany().HasForeignKey(c => c.RunId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<CheckpointChunkRow>(chunk =>
        {
            chunk.ToTable("checkpoint_chunks");
            chunk.HasKey(c => new { c.CheckpointId, c.Index });
            chunk.HasOne<CheckpointRow>().WithMany().HasForeignKey(c => c.CheckpointId).OnDelete(DeleteBehavior.Cascade);
        });
    }

    private static void ImportedModels(ModelBuilder builder)
    {
        builder.Entity<ModelRow>(model =>
        {
            model.ToTable("models");
            model.Property(m => m.Description).HasColumnType("jsonb");
            model.HasIndex(m => m.Name).IsUnique();
        });
        builder.Entity<ModelChunkRow>(chunk =>
        {
            chunk.ToTable("model_chunks");
            chunk.HasKey(c => new { c.ModelId, c.Index });
            chunk.HasOne<ModelRow>().WithMany().HasForeignKey(c => c.ModelId).OnDelete(DeleteBehavior.Cascade);
        });
    }

    private static void Data(ModelBuilder builder) =>
        builder.Entity<DatasetRow>(dataset =>
        {
            dataset.ToTable("datasets");
            dataset.Property(d => d.State).HasConversion<string>();
            dataset.HasIndex(d => d.Name).IsUnique();
            dataset.HasIndex(d => d.Path).IsUnique();
        });

    private static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            if (char.IsUpper(name[i]) && i > 0 && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1]))))
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }
}
