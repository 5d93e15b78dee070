using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>
/// A run's best distance is that of one of its checkpoints: earlier programs took the smallest of all evaluations, also of weights
/// that nobody kept.
/// </summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261129200000_BestOfCheckpoints")]
public sealed class BestOfCheckpoints : Migration
{
    /// <summary>Takes the best distance of every run from its whole checkpoints.</summary>
    public const string Statement =
        """
        UPDATE runs r SET best_distance = (
            SELECT min(c.distance) FROM checkpoints c WHERE c.run_id = r.id AND c.complete AND NOT c.damaged AND c.distance < 'Infinity')
        """;

    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(Statement);

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        // what was not true is not brought back
    }
}
